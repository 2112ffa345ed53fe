"""Every error with a name, each class's docstring being its default message.

ControlPlaneError
├─ ApiError                      what clients are told; `http_status` is on the class
│  ├─ BadRequest       400       OffsetIsInvalid, ParentFunctionNameIsMissing, ParentInvocationIdIsMissing, Blob…,
│  │                             ProjectNameIsTooLong, ProjectIsBeingDeleted, ParentInvocationDoesNotExist,
│  │                             SpanIsTooLong, TooManyTimes, TooManyToReplay, WebhookUrlIsRefused
│  ├─ Forbidden        403       ApiKeyIsInvalid
│  ├─ NotFound         404       Project-, Version-, Function-, Invocation-, Batch-, Execution-, Secret-,
│  │                             Checkpoint-, Blob-, WarmContainer-, Schedule-, Webhook-, DeliveryDoesNotExist
│  ├─ Conflict         409       ProjectAlreadyExists, Invocation-, BatchIsAlreadyTerminated, ExecutionHas…,
│  │                             InvocationHasNotTerminated, NothingToReplay, SecretIsMissing, LaunchIsOvertaken,
│  │                             BlobIs…, ScheduleIsDeclared, ScheduleNameIsTaken, TooManySchedules,
│  │                             TooManyWebhooks, SigningSecretIsMissing
│  ├─ BodyIsTooSlow    408
│  ├─ BodyIsTooLarge   413
│  ├─ IdempotencyKeyIsReused 422
│  ├─ ExecutionAsksForTooMuch 429 TooManyRequests, TooManyStreams, TooManyPolls
│  ├─ ContainerRegistry-, BlobStoreIsNotConfigured, SecretsAreNotConfigured 501
│  └─ ServiceIsUnavailable 503   SecretsAreUnreadable, BlobStoreIsAway, TemporalIsAway
└─ ContainerError                   whose budget a failed launch is charged to: docs/architecture.md, "three budgets"
   ├─ FunctionFailure            the user's code or image: consumes an attempt
   ├─ Unavailable                ours or the cloud's, passes by itself: consumes none
   │  ├─ CatalogIsAway           Postgres does not answer or is not migrated yet
   │  ├─ LaunchIsSuperseded      an execution has gone on to a later launch: the activity's next try goes on with that
   │  └─ ExecutionIsForgotten    the catalog was restored and does not know the execution: its next try begins it again
   ├─ NoCapacity                 a launch was refused and started nothing: a later one may find capacity
   ├─ LaunchIsLost               it cannot be found out what a launch started: another one takes its place
   └─ Misconfigured              only an operator can repair it: ends the invocation
      └─ NamespaceIsNotOurs      Temporal's namespace and the catalog do not belong together: nothing is done with it
"""

import inspect


class ControlPlaneError(Exception):
    """Something went wrong"""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message if message is not None else self.default_message())

    @classmethod
    def default_message(cls) -> str:
        return inspect.cleandoc(cls.__doc__ or cls.__name__)


class ApiError(ControlPlaneError):
    """The request could not be served"""

    http_status: int = 500


class BadRequest(ApiError):
    """The request is not valid"""

    http_status = 400


class OffsetIsInvalid(BadRequest):
    """The next offset is in an invalid format"""


class ParentFunctionNameIsMissing(BadRequest):
    """The parent function name is missing"""


class ParentInvocationIdIsMissing(BadRequest):
    """The parent invocation ID is missing"""


class ProjectNameIsTooLong(BadRequest):
    """The project name is too long"""


class ProjectIsBeingDeleted(BadRequest):
    """The project is being deleted"""


class TooManyToReplay(BadRequest):
    """More than 10,000 invocations are like that: narrow them, as by since and until, and replay one part at a time"""


class ParentInvocationDoesNotExist(BadRequest):
    """The ID of the parent invocation is invalid"""


class TooManyTimes(BadRequest):
    """There are more than 200 times of the schedule between start and end: ask for them in parts"""


class BlobsAreUploadedElsewhere(BadRequest):
    """Blobs are not uploaded here: send this one to the upload_url that it was announced with"""


class BlobIsNotAsAnnounced(BadRequest):
    """The body has another size or SHA-256 than was announced: upload it again"""


class SpanIsTooLong(BadRequest):
    """There are more than 400 days between since and until"""


class WebhookUrlIsRefused(BadRequest):
    """Webhooks are not sent to this URL"""


class Forbidden(ApiError):
    """Not allowed"""

    http_status = 403


class ApiKeyIsInvalid(Forbidden):
    """The API key is invalid"""


class NotFound(ApiError):
    """Not Found"""

    http_status = 404


class ProjectDoesNotExist(NotFound):
    """A project with this name does not exist"""


class VersionDoesNotExist(NotFound):
    """A version with this ID does not exist for this project"""


class FunctionDoesNotExist(NotFound):
    """A function with this name does not exist for this project version"""


class InvocationDoesNotExist(NotFound):
    """An invocation with this ID does not exist for this function"""


class BatchDoesNotExist(NotFound):
    """A batch with this ID does not exist for this function"""


class ExecutionDoesNotExist(NotFound):
    """An execution with this ID does not exist for this invocation"""


class BlobDoesNotExist(NotFound):
    """A blob with this ID does not exist here"""


class WarmContainerDoesNotExist(NotFound):
    """A container with this ID does not exist, or takes no execution any more"""


class ScheduleDoesNotExist(NotFound):
    """A schedule with this name does not exist for this project"""


class CheckpointDoesNotExist(NotFound):
    """This invocation has saved no checkpoint"""


class SecretDoesNotExist(NotFound):
    """A secret with this name does not exist for this project"""


class WebhookDoesNotExist(NotFound):
    """A webhook with this name does not exist for this project"""


class DeliveryDoesNotExist(NotFound):
    """A delivery with this ID does not exist for this webhook"""


class Conflict(ApiError):
    """The request conflicts with the current state"""

    http_status = 409


class ProjectAlreadyExists(Conflict):
    """A project with this name already exists."""


class VersionAlreadyExists(Conflict):
    """A version with this ID already exists for this project"""


class FunctionAlreadyExists(Conflict):
    """A function with this name already exists for this project version"""


class InvocationAlreadyExists(Conflict):
    """An invocation with this ID already exists for this function"""


class InvocationIsAlreadyTerminated(Conflict):
    """This invocation has already terminated"""


class BatchIsAlreadyTerminated(Conflict):
    """This batch has already terminated"""


class InvocationHasNotTerminated(Conflict):
    """This invocation has not ended, and what has not ended cannot be replayed: wait for its end, or cancel it"""


class NothingToReplay(Conflict):
    """No invocation that has ended is like that: look with the same filters at what there is"""


class ExecutionAlreadyExists(Conflict):
    """An execution with this ID already exists for this invocation"""


class ExecutionHasNotStarted(Conflict):
    """This execution has not yet started"""


class ExecutionHasAlreadyStarted(Conflict):
    """This execution has already started"""


class ExecutionHasNotFinished(Conflict):
    """This execution has not yet finished"""


class ExecutionHasAlreadyFinished(Conflict):
    """This execution has already finished"""


class LaunchIsOvertaken(Conflict):
    """Another container has taken this one's place"""


class ExecutionIsAlreadyTerminated(Conflict):
    """This execution has already terminated"""


class BlobIsIncomplete(Conflict):
    """The blob has not been uploaded, or not as large as it was announced: upload it, or create another one"""


class BlobIsInUse(Conflict):
    """The blob is used already, and a blob can be used once: create another one"""


class TooManyArtifacts(Conflict):
    """An execution keeps at most 1,000 artifacts: put files together into an archive"""


class ScheduleIsDeclared(Conflict):
    """The schedule is declared beside its function: change it there and deploy that, or take another name"""


class ScheduleNameIsTaken(Conflict):
    """A schedule of this name is set for the project already: delete that one, or give the declared one another name"""


class TooManySchedules(Conflict):
    """The project has 1,000 schedules beside those that are declared: delete some that are not needed"""


class SecretIsMissing(Conflict):
    """A secret that the function names is not set"""


class TooManyWebhooks(Conflict):
    """A project has at most 20 webhooks: delete one, or send all to one receiver that passes them on"""


class SigningSecretIsMissing(Conflict):
    """A secret must sign this webhook, draw it first: control-plane webhooks rotate-secret PROJECT invocations"""


class BodyIsTooSlow(ApiError):
    """The request body did not arrive in time"""

    http_status = 408


class BodyIsTooLarge(ApiError):
    """The request body is too large"""

    http_status = 413


class IdempotencyKeyIsReused(ApiError):
    """The idempotency key was used before with another request body"""

    http_status = 422


class ExecutionAsksForTooMuch(ApiError):
    """The token of one execution asks for more than its share"""

    http_status = 429


class TooManyRequests(ExecutionAsksForTooMuch):
    """This execution has too many requests under way: read the answers to earlier ones, then try again"""


class TooManyStreams(ExecutionAsksForTooMuch):
    """This execution follows as many invocations as it may: end one of its event streams, then try again"""


class TooManyPolls(ExecutionAsksForTooMuch):
    """This execution waits for as many invocations as it may: ask without wait_seconds, or try again later"""


class ContainerRegistryIsNotConfigured(ApiError):
    """No container registry is configured on this control plane"""

    http_status = 501


class FoldersAreNoImages(ApiError):
    """The images of this control plane come from a registry"""

    http_status = 501


class BlobStoreIsNotConfigured(ApiError):
    """This control plane has no store for what is longer than 249,999 characters: CONTROL_PLANE_BLOBS_URL names one"""

    http_status = 501


class SecretsAreNotConfigured(ApiError):
    """This control plane has no keys to encrypt secrets with: set CONTROL_PLANE_SECRETS_KEYS for api"""

    http_status = 501


class ServiceIsUnavailable(ApiError):
    """The service is temporarily unavailable"""

    http_status = 503


class BlobStoreIsAway(ServiceIsUnavailable):
    """The store for large inputs and outputs does not answer: try again"""


class TemporalIsAway(ServiceIsUnavailable):
    """Temporal, which knows the times of schedules, does not answer, or does not have this one yet: try again"""


class SecretsAreUnreadable(ServiceIsUnavailable):
    """A secret was encrypted with a key that is not in CONTROL_PLANE_SECRETS_KEYS of this api"""


class ContainerError(ControlPlaneError):
    """A container could not be prepared, started, watched or stopped"""


class FunctionFailure(ContainerError):
    """The function's own code or image failed"""


class Unavailable(ContainerError):
    """Something that we depend on is away for the moment"""


class CatalogIsAway(Unavailable):
    """The catalog does not answer"""


class LaunchIsSuperseded(Unavailable):
    """The execution has gone on to a later launch"""


class ExecutionIsForgotten(Unavailable):
    """The catalog does not know this execution, but its invocation"""


class NoCapacity(ContainerError):
    """There is no capacity for another container at this time"""


class LaunchIsLost(ContainerError):
    """What became of this launch cannot be told any more"""


class Misconfigured(ContainerError):
    """The control plane is set up wrongly; retrying cannot mend it"""


class NamespaceIsNotOurs(Misconfigured):
    """The Temporal namespace does not work for this catalog"""
