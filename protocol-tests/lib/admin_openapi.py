"""What schemathesis has to know beyond the document: texts of forms that only the server checks, and
which bodies fit the document and contradict themselves."""

import schemathesis
from hypothesis import strategies as st

HOST = st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}\.example", fullmatch=True)
PORT = st.one_of(st.just(""), st.integers(min_value=1, max_value=65535).map(":{}".format))
PATH = st.from_regex(r"/[a-z0-9/]{0,12}(\?[a-z]=[a-z0-9]{0,5})?", fullmatch=True)
SCHEME = st.sampled_from(["http://", "https://"])
PATTERN = st.from_regex(r"\^?[a-z-]{0,9}(\.\*)?\$?", fullmatch=True)

# What the server sets itself.
RESERVED = {"connection", "content-length", "content-type", "host", "transfer-encoding"}

origins = st.one_of(
    st.just("*"),
    HOST,
    HOST.map("*.{}".format),
    st.tuples(SCHEME, HOST, PORT).map("".join),
)
schemathesis.openapi.format("origin-pattern", origins)
schemathesis.openapi.format("webhook-url", st.tuples(SCHEME, HOST, PORT, PATH).map("".join))
schemathesis.openapi.format("channel-pattern", PATTERN)


@schemathesis.hook
def filter_case(context, case):
    """Each key once, each header once and none of the server's own."""
    body = case.body if isinstance(case.body, dict) else {}
    keys = [pair.get("key") for pair in objects(body.get("keys"))]
    if any(keys.count(key) > 1 for key in keys):
        return False
    for webhook in objects(body.get("webhooks")):
        headers = webhook.get("headers")
        names = [name.lower() for name in headers] if isinstance(headers, dict) else []
        if len(set(names)) < len(names) or any(name in RESERVED for name in names):
            return False
    return True


def objects(value):
    """The objects of a list; none of what is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
