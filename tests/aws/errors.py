"""Errors as AWS answers them."""

from tests.aws.wire import Document


class AwsError(Exception):
    """An answer of AWS that is an error; `fields` are further ones of its body."""

    def __init__(self, code: str, message: str, *, status: int = 400, fields: Document | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields or {}


def invalid_parameter(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def client_error(message: str) -> AwsError:
    return AwsError("ClientException", message)
