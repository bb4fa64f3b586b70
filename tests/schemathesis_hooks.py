"""What schemathesis does not know by itself of this API."""

import schemathesis

# Pieces of a file, by tus.
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
