#!/bin/sh
# A CGI program is told of the request by its environment (RFC 3875 section 4.1): all of it, each variable ended by NUL.
printf 'Content-Type: application/octet-stream\r\n\r\n'
exec env -0
