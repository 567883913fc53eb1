"""What a text may look like, and the words that say so to who sent another one."""

NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"
LABEL = r"^[A-Za-z0-9._:@/+-]*$"
API = r"^(\*|[A-Za-z0-9._~-]+|[A-Za-z0-9]+/(\*|[A-Za-z0-9_$-]+))$"
LIMIT_API = API.removesuffix("$") + "?$"
METHOD = r"^(\*|[A-Z]{1,16})$"
CALLED_METHOD = r"^[A-Z]{1,16}$"
CALLED_PATH = r"^/[^\x00-\x1f?#\x7f]*$"
PATH = r"^(/|\*)[^\x00-\x1f?#\x7f]*$"
METADATA_NAME = r"^[A-Za-z0-9_-]+$"
LABEL_NAME = r"^[A-Za-z0-9._/-]+$"
RECORD_ID = r"^[A-Za-z0-9._~-]+$"
RECORD_ID_OR_ANY = r"^(\*|[A-Za-z0-9._~-]+)$"
HEADER = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
GATEWAY = r"^[A-Za-z0-9]+/(\*|[A-Za-z0-9_$-]+)$"
SCOPE = r"^[!-~]+$"
TYP = r"^[A-Za-z0-9!#$&^_.+/-]*$"  # RFC 6838, section 4.2

WORDS = {
    NO_CONTROL: "has no control characters",
    LABEL: "has only A-Z a-z 0-9 . _ : @ / + -",
    API: "is the id of an API definition, <api id>/<stage>, <api id>/*, or *",
    LIMIT_API: "is the id of an API definition, <api id>/<stage>, <api id>/*, or * for every API",
    METHOD: "is a method in capitals, or *",
    CALLED_METHOD: "is a method in capitals",
    CALLED_PATH: "begins with /, and has no control character, ? or #",
    PATH: "begins with / or *, and has no control character, ? or #",
    METADATA_NAME: "has a name of A-Z a-z 0-9 _ -",
    LABEL_NAME: "has a name of A-Z a-z 0-9 . _ / -",
    RECORD_ID: "has only A-Z a-z 0-9 . _ ~ -",
    RECORD_ID_OR_ANY: "is the id of a policy, or *",
    HEADER: "is the name of a header",
    GATEWAY: "is <api id>/<stage>, or <api id>/*",
    SCOPE: "has no spaces, and ASCII characters only",
    TYP: "is a media type, or what is left of one without application/",
}
