"""APIs in one shape, whatever form and whatever kind of API they have: what the checks read."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from doctor.nodes import Node
from doctor.template import Form, Resource, Template


class Kind(Enum):
    """The kinds of API that API Gateway has."""

    REST = "REST"
    HTTP = "HTTP"
    WEBSOCKET = "WebSocket"


class Place(NamedTuple):
    """Where something stands: its resource, the part of it that is meant, and the line."""

    resource: str
    line: int
    part: str = ""

    def of(self, node: Node | None, part: str = "") -> "Place":
        """The line of a setting of it, where there is one."""
        return self._replace(line=node.line if node else self.line, part=part or self.part)

    def __str__(self) -> str:
        return f"{self.resource} ({self.part})" if self.part else self.resource


class Permission(NamedTuple):
    """A permission of a function that lets API Gateway invoke it."""

    place: Place
    source: Node | None  # SourceArn
    is_within_account: bool  # SourceAccount is set
    covers: bool  # this API, as far as the template says


class Code(NamedTuple):
    """The source of a function, and where the template has it or names its file."""

    text: str
    node: Node
    file: str  # empty where the template itself has it

    def line_of(self, offset: int) -> int:
        """Of the template: of the code itself where it is inline, else of the name of its file."""
        is_elsewhere = self.file or not self.node.is_block
        return self.node.line if is_elsewhere else self.node.line + 1 + self.text[:offset].count("\n")


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A Lambda authorizer of an API."""

    place: Place
    name: str
    node: Node
    payload: str  # TOKEN, REQUEST, 1.0 or 2.0; empty where it is not said
    ttl: int | None  # seconds; None where it is left to a parameter
    ttl_node: Node | None
    identity: tuple[str, ...]  # "header.authorization", "querystring.k", "context.routeKey"
    identity_node: Node | None
    sources: tuple[str, ...]  # the identity sources as they are written; none of SAM's, which writes them itself
    expression: Node | None  # what a token has to match
    is_simple: Node | None
    function: Node | None
    uri: Node | None  # where the template writes API Gateway's own ARN of the function
    code: Code | None  # of a function of the template that is not Tollgate's
    is_tollgate: bool
    is_made_by_sam: bool
    is_allowed: bool  # by a role, or by a permission that SAM makes
    permissions: tuple[Permission, ...]
    is_lost_locally: bool = False  # `sam local` cannot read the function's name


class Guard(Enum):
    """Who is asked before a request passes."""

    TOLLGATE = "Tollgate"
    OTHER = "another"  # IAM, Cognito, JWT, the user's own function, or what cannot be known
    UNKNOWN_NAME = "an authorizer that is not there"
    UNNAMED = "an authorizer that is not named"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a REST API, or a route of another."""

    place: Place
    method: str
    guard: Guard
    is_inherited: bool  # whether the API says who is asked
    guard_node: Node | None
    needs_key: bool
    key_node: Node | None
    is_key_inherited: bool
    function: Resource | None = None
    code: Code | None = None
    integration: str = ""  # MOCK, HTTP_PROXY …; empty where it is not said


class Stage(NamedTuple):
    """A stage of an API. `references`: how usage plans may name it."""

    place: Place
    name: str
    references: frozenset[str]
    variables: Mapping[str, Node]
    is_caching: Node | None  # responses, not authorizers' results

    def variable(self, name: str) -> str:
        return self.variables[name].text if name in self.variables else ""


class GatewayResponse(NamedTuple):
    """A gateway response of a REST API; header names in lower case, templates by content type."""

    kind: str
    place: Place
    status: Node | None
    headers: Mapping[str, Node]
    templates: Mapping[str, Node]


class PlanKey(NamedTuple):
    """A key of a usage plan. `made_here`: SAM makes it."""

    place: Place
    key: Node | None
    is_made_by_sam: bool = False


class UsagePlan(NamedTuple):
    """A usage plan that names the API, with the stages of the API that it holds."""

    place: Place
    stages: tuple[Node | None, ...]
    keys: tuple[PlanKey, ...]
    throttle: Node | None


class Cors(NamedTuple):
    """What a preflight answers; None where the template does not say."""

    place: Place
    allowed: str | None  # headers that a request may carry
    exposed: str | None  # headers that a script may read, HTTP APIs only


class Preflight(NamedTuple):
    """A setting that hands preflights to the authorizer or asks them for a key, and the one that mends it."""

    place: Place
    cause: str


class Mock(NamedTuple):
    """A mock integration of a WebSocket API without an integration response."""

    place: Place


class Deployment(NamedTuple):
    """A deployment, and the parts of the API that it does not wait for."""

    place: Place
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Api:
    """An API and everything that the template says of it."""

    place: Place
    resource: Resource
    kind: Kind
    form: Form
    stages: tuple[Stage, ...]
    authorizers: tuple[Authorizer, ...]
    routes: tuple[Route, ...]
    responses: Mapping[str, GatewayResponse]
    plans: tuple[UsagePlan, ...]
    key_source: Node | None
    cors: Cors | None
    preflights: tuple[Preflight, ...]
    silent_mocks: tuple[Mock, ...]
    deployments: tuple[Deployment, ...]
    unread: Node | None  # a definition that is elsewhere
    auth_node: Node | None  # SAM's Auth
    makes_second_stage: bool = False

    @property
    def guards(self) -> tuple[Authorizer, ...]:
        """Its authorizers that are Tollgate."""
        return tuple(authorizer for authorizer in self.authorizers if authorizer.is_tollgate)

    @property
    def is_protected(self) -> bool:
        """Whether it asks Tollgate, or was meant to."""
        named = any(name.lower().startswith("tollgate") for stage in self.stages for name in stage.variables)
        return named or bool(self.guards)

    def stages_with(self, variable: str, value: str) -> tuple[Stage, ...]:
        return tuple(stage for stage in self.stages if stage.variable(variable) == value)


@dataclass(frozen=True, slots=True)
class Stack:
    """A template with its APIs."""

    template: Template
    apis: tuple[Api, ...]
