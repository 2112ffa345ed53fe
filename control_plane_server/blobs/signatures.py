"""Requests to S3 that are signed beforehand.

By botocore, as obstore signs no headers: with a signed size and checksum S3 itself takes nothing else, and AWS refuses
a header `x-amz-…` that is not signed. Source: Amazon S3 User Guide, "Authenticating requests: using query parameters".
"""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError

from control_plane_server.blobs.store import SignedRequest
from control_plane_server.domain.errors import BlobStoreIsAway

# In which the request must begin; it may take longer. Credentials of a role may end sooner.
_VALIDITY = timedelta(hours=1)


class S3Signer:
    def __init__(self, credentials: Credentials, *, region: str, base_url: str) -> None:
        """`base_url`: of the store, its bucket and prefix included."""
        self._credentials = credentials
        self._region = region
        self._base_url = base_url

    async def upload(self, key: str, *, size: int, sha256: str) -> SignedRequest:
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        return await self._signed("PUT", key, {"Content-Length": str(size), "x-amz-checksum-sha256": checksum})

    async def download(self, key: str) -> SignedRequest:
        return await self._signed("GET", key, {})

    async def _signed(self, method: str, key: str, headers: dict[str, str]) -> SignedRequest:
        try:
            # In a thread, as credentials that have run out are fetched anew.
            credentials = await asyncio.to_thread(self._credentials.get_frozen_credentials)
        except BotoCoreError as error:
            raise BlobStoreIsAway from error
        request = AWSRequest(method, f"{self._base_url}/{quote(key)}", headers=headers)
        expires = datetime.now(UTC) + _VALIDITY
        seconds = int(_VALIDITY.total_seconds())
        S3SigV4QueryAuth(credentials, "s3", self._region, expires=seconds).add_auth(request)
        return SignedRequest(url=str(request.url), headers=headers, expires=expires)
