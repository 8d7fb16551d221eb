"""Only what the API needs: no database, no sessions, no templates."""

import secrets

SECRET_KEY = secrets.token_urlsafe()  # nothing here is signed with it
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "urls"
MIDDLEWARE = ["auth.GateMiddleware"]
USE_TZ = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
