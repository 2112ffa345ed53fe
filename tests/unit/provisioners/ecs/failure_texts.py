"""Texts with which AWS, containerd, runc and registries tell why a task did not run, and what they come to.

From AWS's documents, public issues and task records, with URLs, accounts and names as there. docs/aws-failures.md shows
the same table.
"""

from dataclasses import dataclass

AGAIN = "launched again"
CAPACITY = "waits for capacity"
USER = "the user's"
OPERATOR = "the operator's"

FAILED = "TaskFailedToStart"
EXITED = "EssentialContainerExited"

_ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
_RETRIED = "CannotPullContainerError: pull image manifest has been retried"
_RESOURCES = "ResourceInitializationError: unable to pull secrets or registry auth:"
_ENI = "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment enabled in subnet"


@dataclass(frozen=True, slots=True)
class Text:
    """Without an exit code. `code`: the task's stop code."""

    reason: str
    becomes: str
    code: str = FAILED


NETWORK = (
    Text("Timeout waiting for network interface provisioning to complete.", AGAIN),
    Text("Timeout waiting for EphemeralStorage provisioning to complete.", AGAIN),
    Text("InternalError: unexpected EOF", AGAIN),
    Text("InternalError: the network interface was reported too late", AGAIN),
    Text("Task failed to start", AGAIN),
    Text("", AGAIN),
    Text("Something that nobody has seen", AGAIN),
    Text(f"{_ENI} 'subnet-0a1b2c': AuthFailure", AGAIN),
    Text(f"{_ENI} 'subnet-0a1b2c': RequestLimitExceeded", AGAIN),
    Text(f"{_ENI} 'subnet-0a1b2c'", CAPACITY),
    Text(f"{_ENI} 'subnet-0a1b2c': InsufficientFreeAddressesInSubnet", CAPACITY),
    Text(f"{_ENI} 'subnet-0a1b2c': NetworkInterfaceLimitExceeded", CAPACITY),
    Text(f"{_ENI} 'subnet-0a1b2c': UnauthorizedOperation", OPERATOR),
    Text(f"{_ENI} 'subnet-0a1b2c': InvalidSubnetID.NotFound", OPERATOR),
    Text("Capacity is unavailable at this time. Please try again later or in a different availability zone.", CAPACITY),
    Text("TaskFailedToStart: RESOURCE:GPU", CAPACITY),
    Text("RESOURCE:ENI", CAPACITY),
    Text("TaskFailedToStart: EMPTY CAPACITY PROVIDER", CAPACITY),
    Text("You've reached the limit on the number of vCPUs you can run concurrently", CAPACITY),
)

PULLS = (
    Text(f"{_RETRIED} 5 time(s): failed to resolve ref docker.io/library/python:3.13: dial tcp: i/o timeout", AGAIN),
    Text(
        f'{_RETRIED} 7 time(s): failed to resolve ref {_ECR}/functions:1: failed to do request: Head "https://{_ECR}'
        f'/v2/functions/manifests/1": dial tcp: lookup {_ECR}: no such host',
        AGAIN,
    ),
    Text("CannotPullContainerError: ref pull has been retried 5 time(s): failed to copy: httpReadSeeker: EOF", AGAIN),
    Text(
        "CannotPullContainerError: failed to register layer: open /platform/manifests/x: invalid argument: unknown",
        AGAIN,
    ),
    Text(f"{_RETRIED} 1 time(s): failed to resolve ref {_ECR}/not-found:denied: context canceled", AGAIN),
    Text(
        "CannotPullContainerError: Error response from daemon: Get https://registry-1.docker.io/v2/: net/http: request "
        "canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
        AGAIN,
    ),
    Text(
        f"{_RETRIED} 3 time(s): unexpected status from HEAD request to https://{_ECR}/v2/functions/manifests/1: 502 "
        "Bad Gateway",
        AGAIN,
    ),
    Text(
        f"{_RETRIED} 3 time(s): unexpected status from GET request to https://{_ECR}/v2/functions/blobs/sha256:"
        "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0: 503 Service Unavailable",
        AGAIN,
    ),
    Text("CannotPullContainerError: toomanyrequests: You have reached your pull rate limit.", AGAIN),
    Text(
        "CannotPullContainerError: failed to copy: httpReadSeeker: failed open: unexpected status code "
        "https://registry-1.docker.io/v2/library/python/manifests/sha256:0f1e2d: 429 Too Many Requests",
        AGAIN,
    ),
    Text(
        f'{_RETRIED} 2 time(s): failed to do request: Head "https://registry.example.com/v2/app/manifests/1": read tcp '
        "10.0.0.5:41234->203.0.113.9:443: read: connection reset by peer",
        AGAIN,
    ),
    Text(
        "CannotPullContainerError: failed to unpack image on snapshotter overlayfs: unexpected media type "
        "text/html for "
        "sha256:0f1e2d3c4b5a: not found",
        AGAIN,
    ),
    Text("CannotPullContainerError: There is a connection issue between the task and Amazon ECR.", AGAIN),
    Text("CannotPullContainerError: failed to register layer: operation not permitted", AGAIN),
    Text("CannotPullECRContainerError: AccessDeniedException: Rate exceeded", AGAIN),
    Text(f"{_RETRIED} 1 time(s): failed to resolve ref {_ECR}/functions:1: {_ECR}/functions:1: not found", USER),
    Text(
        f"{_RETRIED} 1 time(s): failed to resolve ref {_ECR}/throttle-demo:1: {_ECR}/throttle-demo:1: not found", USER
    ),
    Text("CannotPullContainerError: image timeout-tests/rate-exceeded:503 not found: manifest unknown", USER),
    Text(
        "CannotPullContainerError: failed to resolve ref docker.io/library/nothing:latest: pull access denied, "
        "repository does not exist or may require authorization: server message: insufficient_scope: authorization "
        "failed",
        USER,
    ),
    Text(
        "CannotPullContainerError: name unknown: The repository with name 'unauthorized' does not exist in the "
        "registry "
        "with id '123456789012'",
        USER,
    ),
    Text("CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/amd64'", USER),
    Text("CannotPullContainerError: no matching manifest for linux/arm64/v8 in the manifest list entries", USER),
    Text(
        f"{_RETRIED} 1 time(s): unexpected status from HEAD request to https://ghcr.io/v2/a/b/manifests/1: 404 "
        "Not Found",
        USER,
    ),
    Text('CannotPullContainerError: image operating system "windows" cannot be used on this platform', USER),
    Text("CannotPullContainerError: invalid reference format: repository name must be lowercase", USER),
    Text("CannotPullContainerError: write /var/lib/containerd/layer: no space left on device", USER),
    Text(
        f"{_RETRIED} 1 time(s): failed to resolve ref {_ECR}/functions:1: unexpected status from HEAD request to "
        f"https://{_ECR}/v2/functions/manifests/1: 403 Forbidden",
        OPERATOR,
    ),
    Text(
        f"CannotPullContainerError: failed to resolve ref {_ECR}/functions:1: pull access denied, repository does not "
        "exist or may require authorization: authorization failed: no basic auth credentials",
        OPERATOR,
    ),
    Text(
        "CannotPullContainerError: The task can't pull the image. Check that the role has the permissions to pull "
        "images from the registry.",
        OPERATOR,
    ),
    Text(
        "CannotPullContainerError: The task cannot pull platform:1 from the repository platform. Check that the role "
        "has the permissions to pull images.",
        OPERATOR,
    ),
    Text(
        'CannotPullContainerError: Head "https://registry.internal/v2/app/manifests/1": tls: failed to verify '
        "certificate: x509: certificate signed by unknown authority",
        OPERATOR,
    ),
    Text(
        "CannotPullContainerError: failed to authorize: failed to fetch anonymous token: unexpected status from GET "
        "request to https://ghcr.io/token?scope=repository%3Aa%2Fb%3Apull: 401 Unauthorized",
        OPERATOR,
    ),
)

RESOURCES = (
    Text(
        f"{_RESOURCES} The task cannot pull registry auth from Amazon ECR: There is a connection issue between "
        "the task "
        "and Amazon ECR. Check your task network configuration. RequestError: send request failed caused by: Post "
        '"https://api.ecr.eu-west-1.amazonaws.com/": dial tcp 203.0.113.7:443: i/o timeout',
        AGAIN,
    ),
    Text(f"{_RESOURCES} execution resource retrieval failed: RequestCanceled: request context canceled", AGAIN),
    Text(
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
        "failed to "
        'create Cloudwatch log stream: Post "https://logs.eu-west-1.amazonaws.com/": context deadline exceeded',
        AGAIN,
    ),
    Text(
        "ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log "
        "group. There is a connection issue between the task and AWS::Logs. : signal: killed",
        AGAIN,
    ),
    Text(f"{_RESOURCES} unable to retrieve ecr registry auth: ThrottlingException: Rate exceeded", AGAIN),
    Text("ResourceInitializationError: failed to configure ENI: failed to setup regular eni", AGAIN),
    Text(
        f"{_RESOURCES} execution resource retrieval failed: unable to retrieve ecr registry auth: service call "
        "has been "
        "retried 1 time(s): AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/timeout/7f is not "
        "authorized to perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy allows it",
        OPERATOR,
    ),
    Text(
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
        "ResourceNotFoundException: The specified log group does not exist.",
        OPERATOR,
    ),
    Text(
        f"{_RESOURCES} unable to retrieve secret from asm: ResourceNotFoundException: Secrets Manager can't find the "
        "specified secret.",
        OPERATOR,
    ),
    Text(f"{_RESOURCES} invalid ssm parameters: platform-image-not-found", OPERATOR),
    Text(f"{_RESOURCES} unable to retrieve secrets from ssm: ParameterNotFound", OPERATOR),
    Text("ECS was unable to assume the role 'arn:aws:iam::123456789012:role/execution' that was provided", OPERATOR),
    Text(
        "ResourceInitializationError: failed to download env files: NoSuchBucket: The specified bucket does not exist",
        OPERATOR,
    ),
)

PROGRAMS = (
    Text("CannotStartContainerError: Error response from daemon", AGAIN),
    Text(
        "ContainerRuntimeError: failed to create shim task: open /run/containerd/exec.sock: no such file or directory",
        AGAIN,
    ),
    Text("ContainerRuntimeTimeoutError: Could not transition to running; timed out after waiting 10m0s", AGAIN),
    Text("CannotCreateVolumeError: Agent could not create task's volume mounts", AGAIN),
    Text(
        "CannotStartContainerError: failed to create task: OCI runtime create failed: runc create failed: "
        "unable to start "
        'container process: exec: "timeout": executable file not found in $PATH: unknown',
        USER,
    ),
    Text(
        "ResourceInitializationError: failed to create new container runtime task: failed to create shim task: OCI "
        'runtime create failed: exec: "/app/throttling": stat /app/throttling: no such file or directory: unknown',
        USER,
    ),
    Text("CannotStartContainerError: exec /usr/local/bin/python: exec format error", USER),
    Text('CannotStartContainerError: OCI runtime create failed: exec: "/app/run.sh": permission denied: unknown', USER),
    Text("OutOfMemoryError: Container killed due to memory usage", USER, EXITED),
)

ENDED = (
    Text("ContainerRuntimeTimeoutError: Could not transition to stopped; timed out after waiting 1m30s", AGAIN, EXITED),
    Text("CannotInspectContainerError: Could not transition to inspecting; timed out after waiting 30s", AGAIN, EXITED),
    Text("Essential container in task exited", AGAIN, EXITED),
    Text("Your Spot Task was interrupted.", AGAIN, "SpotInterruption"),
    Text("Your Spot Task was interrupted.", AGAIN, "TerminationNotice"),
    Text("The host is unhealthy", AGAIN, "InfrastructureHealth"),
    Text(
        "ECS is performing maintenance on the underlying infrastructure hosting the task",
        AGAIN,
        "ServiceSchedulerInitiated",
    ),
    Text("ECS is performing maintenance on the underlying infrastructure hosting the task", AGAIN, "TerminationNotice"),
    Text("Scaling activity initiated by (deployment ecs-svc/1)", AGAIN, "ServiceSchedulerInitiated"),
    Text("whatever", AGAIN, "SomethingNew"),
    Text("Somebody clicked", AGAIN, "UserInitiated"),
)

LATER = "asked again"

# Of RunTask: an error by its code, or what it gives as the reason of a failure, which has none.
REFUSALS = (
    Text("You've reached the limit on the number of vCPUs you can run concurrently", CAPACITY, "ClientException"),
    Text("You've reached the limit on the number of tasks you can run concurrently", CAPACITY, ""),
    Text("Capacity is unavailable at this time. Please try again later", CAPACITY, ""),
    Text("RESOURCE:ENI", CAPACITY, ""),
    Text("AGENT", CAPACITY, ""),
    Text("Rate exceeded", LATER, "ThrottlingException"),
    Text("Error retrieving subnet information for [subnet-1]: Rate exceeded", LATER, "InvalidParameterException"),
    Text("Error retrieving security group information: Request limit exceeded.", LATER, "InvalidParameterException"),
    Text("Service Unavailable. Please try again later.", LATER, "ServerException"),
    Text("The security token included in the request is invalid.", LATER, "UnrecognizedClientException"),
    Text("User is not authorized to perform: ecs:RunTask", OPERATOR, "AccessDeniedException"),
    Text("Cluster not found.", OPERATOR, "ClusterNotFoundException"),
    Text("The platform version does not support it", OPERATOR, "PlatformTaskDefinitionIncompatibilityException"),
    Text("Your AWS account was blocked. Contact AWS Support.", OPERATOR, "BlockedException"),
    Text("ECS was unable to assume the role that was provided for this task.", OPERATOR, "ClientException"),
    Text("ATTRIBUTE", OPERATOR, ""),
    Text("MISSING", OPERATOR, ""),
    Text("The requested CPU configuration is above your limit", OPERATOR, ""),
)

SECTIONS = {
    "Networks and capacity": NETWORK,
    "Images": PULLS,
    "Credentials, logs and secrets": RESOURCES,
    "Programs": PROGRAMS,
    "Tasks that ended": ENDED,
}
