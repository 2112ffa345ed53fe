"""Blobs on the wire: what is too large for requests and answers."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from api.schemas.bounded import Text, proper_name
from api.schemas.times import epoch_seconds
from control_plane_server.domain import blobs
from control_plane_server.domain.bounds import MAX_ARTIFACT_NAME_LENGTH, MAX_BLOB_BYTES, MAX_LARGE_CHECKPOINT_BYTES

Size = Annotated[int, Field(ge=0, le=MAX_BLOB_BYTES)]
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
BlobIdText = Annotated[Text, StringConstraints(max_length=255)]


def _file_name(name: str) -> str:
    proper_name(name)
    return name


ArtifactName = Annotated[
    Text, StringConstraints(min_length=1, max_length=MAX_ARTIFACT_NAME_LENGTH), AfterValidator(_file_name)
]


class InputBlobDefinition(BaseModel):
    """An input that is to be uploaded. `size`: in bytes. `sha256`: of all its bytes, in hex."""

    size: Size
    sha256: Sha256

    def to_domain(self) -> blobs.NewBlob:
        return blobs.NewBlob(kind=blobs.BlobKind.INPUT, size=self.size, sha256=self.sha256)


class ExecutionBlobDefinition(BaseModel):
    """What a container is to upload. `size`: in bytes. `sha256`: of all its bytes, in hex."""

    kind: Literal["output", "checkpoint"] = "output"
    size: Size
    sha256: Sha256

    @model_validator(mode="after")
    def _checkpoints_are_smaller(self) -> Self:
        if self.kind == "checkpoint" and self.size > MAX_LARGE_CHECKPOINT_BYTES:
            raise ValueError(f"size of a checkpoint must not exceed {MAX_LARGE_CHECKPOINT_BYTES} bytes")
        return self

    def to_domain(self) -> blobs.NewBlob:
        return blobs.NewBlob(kind=blobs.BlobKind(self.kind), size=self.size, sha256=self.sha256)


class ArtifactDefinition(BaseModel):
    """A file that a container is to upload. `name`: without slashes. `size`: in bytes. `sha256`: of all its bytes, in
    hex."""

    name: ArtifactName
    size: Size
    sha256: Sha256

    def to_domain(self) -> blobs.NewBlob:
        return blobs.NewBlob(kind=blobs.BlobKind.ARTIFACT, size=self.size, sha256=self.sha256, name=self.name)


class BlobUpload(BaseModel):
    """Where its bytes are to be sent with PUT, all of them in one body, with these headers and no others of the
    client's, until it expires. A URL that begins with a slash is the API's own, below its address, and takes the same
    key as this request; any other one takes none. An upload may be repeated until the blob is used."""

    blob_id: str
    upload_url: str
    upload_headers: dict[str, str]
    expires: int


class UploadedBlob(BaseModel):
    blob_id: str
    size: int
    sha256: str

    @classmethod
    def of(cls, blob: blobs.Blob) -> Self:
        return cls(blob_id=blob.blob_id, size=blob.size, sha256=blob.sha256)


class ArtifactInfo(BaseModel):
    """A file that a container has kept. Its bytes: `GET …/blobs/{blob_id}`."""

    name: str
    blob_id: str
    execution_id: str
    size: int
    sha256: str
    creation_time: int

    @classmethod
    def of(cls, blob: blobs.Blob) -> Self:
        return cls(
            name=blob.name or "",
            blob_id=blob.blob_id,
            execution_id=blob.execution_id or "",
            size=blob.size,
            sha256=blob.sha256,
            creation_time=epoch_seconds(blob.creation_time),
        )


class ArtifactsList(BaseModel):
    artifacts: list[ArtifactInfo]
