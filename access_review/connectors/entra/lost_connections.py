"""Why a connection failed, out of the exceptions that requests and urllib3 put around each other."""

import ssl


def innermost(error: BaseException) -> BaseException:
    """Return the exception that the others were put around."""
    while True:
        inside = [getattr(error, "reason", None), *error.args[:1]]
        deeper = next((one for one in inside if isinstance(one, BaseException)), None)
        if deeper is None:
            return error
        error = deeper


def distrusts(error: BaseException) -> bool:
    """Tell whether the certificate was refused, before anything was sent; TLS that broke off may work again."""
    return isinstance(innermost(error), ssl.SSLCertVerificationError)
