// The request around the token: where the token is, which route the request hits, what the origin is told.

import { mint } from '../support/tokens.mjs';
import {
  ACCEPTED, API, BAD_PATH, DENIED, FORMAT, INVALID, ISSUER, METHOD, MISSING, NO_ROUTE, ORGANIZATION, PREFIX_HOST, SCHEME, SCOPE, WEAK_HOST,
  ownKey, sound, token, workerd,
} from './world.mjs';

const authorized = (...values) => ({ path: '/a', headers: values.map((value) => ['Authorization', value]) });
const bytes = (lines, target = '/a', method = 'GET') => ({ raw: `${method} ${target} HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n${lines}\r\n` });
const weak = (path, more) => ({ host: WEAK_HOST, path, ...more });
const prefixed = (path) => ({ host: PREFIX_HOST, path });
const forged = () => mint(ownKey, sound());

/** What every identity header says of a sound token. */
const IDENTITY = { subject: 'user-1', 'client-id': 'client-1', audience: API, issuer: ISSUER };

/** The paths that GHSA-p224-6x5r-fjpm and the others are about: two servers read two of them. */
const PATHS = {
  '//': ['//', '//admin/users', '/admin//users', '/x//admin/users', '/admin/users//', '///'],
  '/./': ['/./', '/./admin/users', '/admin/./users', '/admin/users/.', '/.'],
  '/../': ['/../', '/x/../admin/users', '/admin/x/../users', '/..', '/admin/users/..', '/admin/users/x/..', '/../../admin/users'],
  '%2e%2e': ['/x/%2e%2e/admin/users', '/x/%2E%2E/admin/users', '/x/.%2e/admin/users', '/x/%2e./admin/users', '/%2e/admin/users', '/admin%2eusers', '/admin/users/%2e'],
  '%2f': ['/admin%2fusers', '/admin%2Fusers', '/%2fadmin/users', '/x%2f..%2fadmin/users', '/admin/users%2f'],
  '%5c': ['/admin%5cusers', '/admin%5Cusers', '/x/..%5cadmin%5cusers', '/%5cadmin/users'],
  '\\': ['/admin\\users', '/x\\..\\admin\\users', '/\\admin/users', '/admin/users\\'],
  ';x=1': ['/admin/users;x=1', '/admin;x=1/users', '/;x=1/admin/users', '/x/..;/admin/users', '/admin/users;', '/admin;/users'],
  '%00': ['/admin/users%00', '/admin%00/users', '/%00/admin/users', '/admin/users%00.css'],
  '%25': ['/admin%252fusers', '/x/%252e%252e/admin/users', '/%2561dmin/users', '/admin/users%25', '/admin/users%2500'],
  '%3b': ['/admin/users%3bx=1', '/admin%3Bx/users', '/x/..%3b/admin/users'],
  'overlong UTF-8': ['/admin%c0%afusers', '/x/%c0%ae%c0%ae/admin/users', '/admin%e0%80%afusers', '/admin%f0%80%80%afusers', '/%c1%a1dmin/users', '/admin%c1%9cusers'],
  'invalid UTF-8': ['/admin/users%ff', '/admin/users%c3', '/admin/users%80', '/admin/users%ed%a0%80'],
  'invalid escapes': ['/admin/users%', '/admin/users%2', '/admin/users%zz', '/admin/users%u002f', '/%%61dmin/users'],
  'control characters': ['/admin/users%0a', '/admin/users%0d%0aX-Injected:1', '/admin/users%09', '/admin/users%7f', '/admin/users%c2%85'],
};
const PATH_BUGS = { '//': 'CVE-2021-31920', '%2f': 'CVE-2021-31920', '%5c': 'CVE-2021-31920', '%2e%2e': 'GHSA-p224-6x5r-fjpm', '/../': 'GHSA-p224-6x5r-fjpm', ';x=1': 'CVE-2026-48020', '%3b': 'CVE-2026-48020' };

export default {
  family: 'request',
  rows: [
    // The header that holds the token.
    {
      attack: 'Authorization twice: a good one and a bad one', why: 'gate and origin may take different ones',
      request: () => [authorized(`Bearer ${token()}`, `Bearer ${forged()}`), authorized(`Bearer ${forged()}`, `Bearer ${token()}`)],
      answer: FORMAT,
    },
    {
      attack: 'Authorization twice: both good', why: 'twice is twice',
      request: () => [authorized(`Bearer ${token()}`, `Bearer ${token()}`), authorized(...Array(2).fill(`Bearer ${token()}`))],
      answer: FORMAT,
    },
    {
      attack: 'Authorization twice: one Basic, one empty', why: 'the second is not overlooked',
      request: () => [authorized(`Bearer ${token()}`, 'Basic dTpw'), authorized('Basic dTpw', `Bearer ${token()}`), authorized(`Bearer ${token()}`, '')],
      answer: FORMAT,
    },
    {
      attack: 'Authorization twice, in two cases of its name', why: 'header names have no case',
      request: () => ({ path: '/a', headers: [['Authorization', `Bearer ${token()}`], ['authorization', `Bearer ${forged()}`]] }),
      answer: FORMAT,
    },
    {
      attack: 'comma-joined', why: 'the same in one line',
      request: () => [`Bearer ${token()}, Bearer ${token()}`, `Bearer ${token()},${token()}`, `Bearer ${token()},`, `Bearer ${forged()}, Bearer ${token()}`, `Basic dTpw, Bearer ${token()}`].map((value) => authorized(value)),
      answer: FORMAT,
    },
    {
      attack: 'with a tab', why: 'RFC 6750 section 2.1: a space',
      request: () => [`Bearer\t${token()}`, `Bearer \t${token()}`, `Bearer\t\t${token()}`].map((value) => authorized(value)),
      answer: FORMAT,
    },
    { attack: 'no space', why: 'then it is another scheme', request: () => authorized(`Bearer${token()}`), answer: SCHEME },
    {
      attack: 'another separator', why: 'RFC 6750 section 2.1: a space',
      request: () => [`Bearer:${token()}`, `Bearer=${token()}`, `Bearer,${token()}`, `Bearer/${token()}`].map((value) => authorized(value)),
      answer: FORMAT,
    },
    {
      attack: 'bearer, BEARER', why: 'accepted: RFC 9110 section 11.1, schemes have no case',
      request: () => ['bearer', 'BEARER', 'bEaReR'].map((scheme) => authorized(`${scheme} ${token()}`)), answer: ACCEPTED,
    },
    {
      attack: 'Basic', why: 'another scheme, whatever it holds',
      request: () => [authorized('Basic dXNlcjpwYXNz'), authorized(`Basic ${token()}`), authorized(`Token ${token()}`), authorized(`DPoP ${token()}`), authorized(token())],
      answer: SCHEME,
    },
    {
      attack: 'Bearer alone', why: 'no token',
      request: () => ['Bearer', 'Bearer ', 'Bearer    ', 'Bearer ='].map((value) => authorized(value)), answer: FORMAT,
    },
    {
      attack: 'two tokens in one header', why: 'one of them would be overlooked',
      request: () => authorized(`Bearer ${token()} ${token()}`), answer: FORMAT,
    },
    {
      attack: 'in quotes', why: 'a token has none',
      request: () => [`Bearer "${token()}"`, `Bearer token="${token()}"`].map((value) => authorized(value)), answer: FORMAT,
    },
    {
      attack: 'a token in the query', why: 'RFC 6750 section 2.3: URLs are logged',
      request: () => ['access_token', 'token', 'jwt', 'Authorization'].map((name) => ({ path: `/a?${name}=${token()}` })), answer: MISSING,
    },
    {
      attack: 'a token in the body', why: 'RFC 6750 section 2.2: the gate does not read bodies',
      request: () => [
        { path: '/a', method: 'POST', headers: [['Content-Type', 'application/x-www-form-urlencoded']], body: `access_token=${token()}` },
        { path: '/a', method: 'POST', headers: [['Content-Type', 'application/json']], body: JSON.stringify({ access_token: token() }) },
      ],
      answer: MISSING,
    },
    {
      attack: 'a token in another header', why: 'one header holds it',
      request: () => ['Proxy-Authorization', 'X-Authorization', 'X-Access-Token', 'X-Forwarded-Authorization', 'Cookie', 'Sec-WebSocket-Protocol'].map((name) => ({ path: '/a', headers: [[name, name === 'Cookie' ? `token=${token()}` : `Bearer ${token()}`]] })),
      answer: MISSING,
    },
    {
      attack: 'one good in the header, one bad in the query', why: 'control: the query is the origin\'s',
      request: () => ({ ...authorized(`Bearer ${token()}`), path: `/a?access_token=${forged()}` }), answer: ACCEPTED,
    },
    {
      attack: 'one bad in the header, one good in the query', why: 'the header decides',
      request: () => ({ ...authorized(`Bearer ${forged()}`), path: `/a?access_token=${token()}` }), answer: INVALID,
    },
    {
      attack: 'header lines that a lax parser would join or split', why: 'workerd refuses them',
      request: () => [bytes(`Authorization : Bearer ${token()}\r\n`), bytes(`Authorization\r\n : Bearer ${token()}\r\n`), bytes(`X: 1\rAuthorization: Bearer ${token()}\r\n`)],
      answer: workerd(400),
    },

    // A literal route beside a catch-all with weaker rules, reached by every spelling of its path.
    ...['/admin/users', '/admin/users/', '/%61dmin/users', '/adm%69n/%75sers', '/%61%64%6d%69%6e/%75%73%65%72%73/', '/admin/users?x=1', '/admin/users/?/../x', '/admin/users?'].map((path) => ({
      attack: `the literal beside the catch-all: ${path}`, why: 'every spelling of a path has the rules of the path', cve: 'CVE-2021-31920', request: weak(path), answer: MISSING, realm: WEAK_HOST,
    })),
    {
      attack: 'the literal beside the catch-all, with a token that lacks the scope', why: 'the weaker rule does not help',
      request: () => ['/admin/users', '/%61dmin/users/'].map((path) => weak(path, { headers: [['Authorization', `Bearer ${token({ scope: 'user' })}`]] })),
      answer: SCOPE, scope: 'admin', realm: WEAK_HOST,
    },
    {
      attack: 'the literal beside the catch-all, by other methods', why: 'a path that matches is not left for a weaker one',
      request: ['HEAD', 'POST', 'OPTIONS', 'DELETE', 'PATCH'].map((method) => weak('/admin/users', { method })),
      answer: MISSING, realm: WEAK_HOST,
    },
    {
      attack: 'the literal beside the catch-all, with a fragment', why: 'workerd cuts it off',
      request: [weak('/admin/users#x'), weak('/admin/users#/../../x')], answer: MISSING, realm: WEAK_HOST,
    },
    {
      attack: 'the literal beside the catch-all, in absolute form', why: 'the target\'s path counts, and the Host header',
      request: { raw: `GET http://gate.test/admin/users HTTP/1.1\r\nHost: ${WEAK_HOST}\r\nConnection: close\r\n\r\n` },
      answer: MISSING, realm: WEAK_HOST,
    },
    {
      attack: 'beside the literal, in another case', why: 'an origin that ignores case would read the literal',
      request: ['/ADMIN/users', '/Admin/Users', '/%41dmin/users/'].map((path) => weak(path)), answer: BAD_PATH,
    },
    ...['/admin/user', '/admin/users/x', '/admin', '/admin/users%20', '/admin/users%3F', '/admin/users%23', '/admin/user%C5%BF'].map((path) => ({
      attack: `beside the literal: ${path}`, why: 'accepted: another path, by the catch-all, forwarded as it came', request: weak(path), answer: ACCEPTED, url: path,
    })),

    // Paths that another server could read differently.
    ...Object.entries(PATHS).map(([kind, paths]) => ({
      attack: `path with ${kind}`, why: 'gate and origin could read two paths', cve: PATH_BUGS[kind], request: paths.map((path) => weak(path)), answer: BAD_PATH,
    })),
    {
      attack: 'a bad path with a good token', why: 'nothing makes it good',
      request: () => ['/o/x/../org1', '/a/.', '//a', '/a;x=1', '/%2e/a'].map((path) => ({ path, headers: [['Authorization', `Bearer ${token()}`]] })),
      answer: BAD_PATH,
    },
    {
      attack: 'raw bytes in the path', why: 'workerd refuses them',
      request: ['/admin\tusers', '/admin users', '/admin\x00', '/admin\x7fusers', '/\xff', '/\xc0\xaf'].map((path) => bytes('', path)),
      answer: workerd(400),
    },
    {
      attack: 'dot-segments behind strip_prefix', why: 'what is stripped must not uncover another path', cve: 'GHSA-p224-6x5r-fjpm',
      request: ['/v1/../admin', '/v1/..', '/v1/./admin', '/v1/%2e%2e/admin', '/v1/x/../../admin', '/v1/..%2fadmin', '/v1/..;/admin', '/v1/..\\admin', '/x/../v1/a'].map(prefixed), answer: BAD_PATH,
    },
    {
      attack: 'another authority behind strip_prefix', why: 'what is left must not begin with two slashes',
      request: ['/v1//evil.test/a', '/v1//', '/v1/\\evil.test/a', '/v1/%2fevil.test/a', '/v1/http://evil.test/'].map(prefixed),
      answer: BAD_PATH,
    },
    {
      attack: 'half a segment of strip_prefix', why: 'whole segments only',
      request: ['/v1x', '/v1@evil.test/a', '/v1:80/a', '/v1.evil.test/a', '/V1/a'].map(prefixed), answer: NO_ROUTE,
    },
    {
      attack: 'a prefix in another spelling', why: 'control: compared decoded, the rest as received',
      request: prefixed('/%761/%61'), answer: ACCEPTED, url: '/base/%61',
    },
    {
      attack: 'a prefix and what looks like an authority', why: 'control: it stays a path below the base',
      request: prefixed('/v1/@evil.test'), answer: ACCEPTED, url: '/base/@evil.test',
    },
    { attack: 'nothing behind the prefix', why: 'control: the base and no more', request: prefixed('/v1'), answer: ACCEPTED, url: '/base' },

    // Methods.
    {
      attack: 'a method in lower case, or unknown', why: 'workerd takes neither',
      request: ['get', 'Get', 'delete', 'FOO', 'GETT'].map((method) => bytes('', '/public', method)), answer: workerd(501),
    },
    {
      attack: 'CONNECT', why: 'it is no request for a resource',
      request: ['gate.test:80', '/public'].map((target) => bytes('', target, 'CONNECT')), answer: workerd(500),
    },
    {
      attack: 'TRACE, PUT, PROPFIND where only GET is', why: 'a method that no route takes',
      request: ['TRACE', 'PUT', 'PROPFIND', 'OPTIONS', 'POST'].map((method) => ({ path: '/read-only', method })),
      answer: METHOD, allow: ['GET', 'HEAD'],
    },
    ...['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'].flatMap((name) => [
      {
        attack: `${name}: GET on a POST`, why: 'the request\'s own method counts',
        request: { path: '/read-only', method: 'POST', headers: [[name, 'GET']] }, answer: METHOD, allow: ['GET', 'HEAD'],
      },
      {
        attack: `${name}: GET on a DELETE`, why: 'the rules of the request\'s own method count',
        request: { path: '/methods', method: 'DELETE', headers: [[name, 'GET']] }, answer: MISSING,
      },
    ]),
    {
      attack: '_method in the query', why: 'the same',
      request: { path: '/read-only?_method=GET', method: 'POST' }, answer: METHOD, allow: ['GET', 'HEAD'],
    },

    // Headers that speak of another request.
    {
      attack: 'X-Original-URL, X-Rewrite-URL to a public path', why: 'the request\'s own path counts',
      request: ['X-Original-URL', 'X-Rewrite-URL', 'X-Original-URI', 'X-Forwarded-Uri', 'X-Forwarded-Path', 'X-Forwarded-Prefix'].map((name) => ({ path: '/a', headers: [[name, '/public']] })),
      answer: MISSING,
    },
    {
      attack: 'X-Original-URL, X-Rewrite-URL to where there is no route', why: 'the request\'s own path counts',
      request: ['X-Original-URL', 'X-Rewrite-URL'].map((name) => ({ path: '/public', headers: [[name, '/a']] })),
      answer: ACCEPTED, url: '/public',
    },
    {
      attack: 'X-Forwarded-Host: another host\'s rules', why: 'the Host header counts',
      request: ['X-Forwarded-Host', 'X-Host', 'X-Forwarded-Server', 'X-HTTP-Host-Override', 'Forwarded'].map((name) => ({ path: '/a', headers: [[name, name === 'Forwarded' ? `host=${WEAK_HOST}` : WEAK_HOST]] })),
      answer: MISSING,
    },
    {
      attack: 'X-Forwarded-Host and -Proto, spoofed', why: 'both are set from the request\'s own URL',
      request: { path: '/public', headers: [['X-Forwarded-Host', 'evil.test'], ['x_forwarded_host', 'evil.test'], ['X-Forwarded-Proto', 'https'], ['X_Forwarded_Proto', 'https']] },
      answer: ACCEPTED, received: { 'x-forwarded-host': 'gate.test', 'x-forwarded-proto': 'http', x_forwarded_host: null, x_forwarded_proto: null },
    },
    {
      attack: 'X-Auth-Subject and what reads like it, on a public route', why: 'the origin believes these headers', cve: 'CVE-2025-64484',
      request: ['X-Auth-Subject', 'x-auth-subject', 'X_Auth_Subject', 'X-Auth_Subject', 'x_auth-subject', 'X_AUTH_SUBJECT', 'x-auth-anything', 'x-auth-', 'x_auth_'].map((name) => ({ path: '/public', headers: [[name, 'root']] })),
      answer: ACCEPTED, identity: {},
    },
    {
      attack: 'X_Auth_Subject beside a token', why: 'nor does it stand beside the true one', cve: 'CVE-2025-64484',
      headers: [['X_Auth_Subject', 'root'], ['x-auth-anything', '1'], ['X-Auth_Scopes', 'admin'], ['x-auth-subject', 'root']], token: () => token(), answer: ACCEPTED, identity: IDENTITY,
    },
    {
      attack: 'x-auth-anything for a claim that the token lacks', why: 'what is absent is not sent', cve: 'CVE-2025-64484',
      headers: [['x-auth-subject', 'root'], ['x-auth-scopes', 'admin'], ['x-auth-anything', '1']], token: () => token({ sub: undefined, client_id: undefined }), answer: ACCEPTED, identity: { audience: API, issuer: ISSUER },
    },
    ...['x-auth-subject', 'X-Auth-Subject, X-Auth-Issuer', 'close, x-auth-subject, x-auth-client-id, x-auth-audience', 'keep-alive,x-auth-subject'].map((value) => ({
      attack: `Connection: ${value}`, why: 'what Connection names is dropped before the gate\'s own headers are set', cve: 'CVE-2025-48865',
      headers: [['Connection', value], ['X-Auth-Subject', 'root']], token: () => token(), answer: ACCEPTED, identity: IDENTITY,
    })),
    {
      attack: 'Connection: x-forwarded-host, x-forwarded-proto', why: 'the gate\'s own headers stay', cve: 'CVE-2025-48865',
      headers: [['Connection', 'close, x-forwarded-host, x-forwarded-proto']], token: () => token(), answer: ACCEPTED, identity: IDENTITY, received: { 'x-forwarded-host': 'gate.test', 'x-forwarded-proto': 'http' },
    },

    // Hosts.
    ...['closed.test', 'CLOSED.test', 'Closed.Test', 'closed.test:80', 'closed.test:8443', 'closed.test.', 'CLOSED.TEST.:8443'].map((host) => ({
      attack: `Host: ${host}`, why: 'every spelling of a host has the rules of the host', request: { host, path: '/public' }, answer: DENIED,
    })),
    ...['acme.tenants.test', 'ACME.tenants.TEST', 'acme.tenants.test:8443', 'acme.tenants.test.'].map((host) => ({
      attack: `Host: ${host}, with a token of another tenant`, why: 'the host says whose data it is', request: () => ({ host, path: '/public', headers: [['Authorization', `Bearer ${token({ organization_id: 'other' })}`]] }),
      answer: ORGANIZATION, realm: host.replace(/:\d+$/, '').replace(/\.$/, ''),
    })),
    {
      attack: 'Host: what is no host', why: 'nothing that only looks like one is routed',
      request: ['closed.test..', 'user@closed.test', 'closed%2etest', 'cl%6fsed.test', 'closed.test:x', 'closed.test:', 'closed.test:99999', 'closed.test:-80', '.closed.test', 'closed..test', '[closed.test]', '*.tenants.test', 'closed.test, gate.test']
        .map((host) => ({ host, path: '/public' })),
      answer: BAD_PATH,
    },
    {
      attack: 'Host: a port with a sign', why: 'a port is digits (RFC 3986 section 3.2.3)',
      request: { host: 'gate.test:+80', path: '/public' }, answer: BAD_PATH,
    },
    {
      attack: 'Host: with a path or a query', why: 'workerd makes one URL of both, so the path that arrives would be another',
      request: ['gate.test/x', 'gate.test?x', 'closed.test/x', 'gate.test/public?'].map((host) => ({ host, path: '/public' })), answer: BAD_PATH,
    },
    {
      attack: 'two Hosts', why: 'gate and origin may take different ones',
      request: ['Host: closed.test\r\nHost: gate.test\r\n', 'Host: gate.test\r\nHost: gate.test\r\n'].map((lines) => ({ raw: `GET /public HTTP/1.1\r\nConnection: close\r\n${lines}\r\n` })),
      answer: BAD_PATH,
    },
    {
      attack: 'no Host, an empty one', why: 'RFC 9112 section 3.2: an error',
      request: ['', 'Host:\r\n', 'Host: \r\n'].map((lines) => ({ raw: `GET /public HTTP/1.1\r\nConnection: close\r\n${lines}\r\n` })),
      answer: workerd(400),
    },
    {
      attack: 'the absolute form, with another host', why: 'the Host header counts',
      request: { raw: 'GET http://gate.test/public HTTP/1.1\r\nHost: closed.test\r\nConnection: close\r\n\r\n' }, answer: DENIED,
    },
  ],
};
