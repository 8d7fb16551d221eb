// Host headers and request targets. workerd makes one URL of both, so either can hold what looks like a part of the other.

const PLAIN = '/public/x?y=1';

/** They are a host, with or without a port: what was asked for arrives. */
export const GOOD = {
  names: ['gate.test', 'GATE.TEST', 'Gate.Test', 'a', 'a-b.c_d.test', 'xn--bcher-kva.test', '1.a', 'a1', '0x7g.test', '127.0.0.1.test'],
  'a trailing dot': ['gate.test.', 'GATE.test.', 'a.', 'gate.test.:8443'],
  ports: ['gate.test:80', 'gate.test:443', 'gate.test:8443', 'gate.test:0', 'gate.test:1', 'gate.test:65535', 'gate.test:0080', 'gate.test:00000080'],
  addresses: ['127.0.0.1', '127.0.0.1:8080', '10.0.0.1', '255.255.255.255', '[::1]', '[::1]:8080', '[2001:db8::7]', '[2001:DB8::7]', '[::]'],
};

/** They are not: 400, by the gate or by workerd. */
export const BAD = {
  'a path': ['gate.test/', 'gate.test/x', 'gate.test/public', 'gate.test/public/x?', 'gate.test//', 'gate.test/..', 'gate.test/public/..', 'gate.test/?', 'gate.test:80/x'],
  'a query': ['gate.test?', 'gate.test?x', 'gate.test?x=1&', 'gate.test:80?x', 'gate.test/q?org=mine&'],
  'a fragment': ['gate.test#', 'gate.test#x', 'gate.test/#', 'gate.test/public?#', 'gate.test:80#'],
  'user info': ['@gate.test', 'user@gate.test', 'user:word@gate.test', ':@gate.test', 'gate.test@', 'gate.test@other.test', 'gate.test:80@other.test', 'other.test@gate.test:80', 'a%40gate.test'],
  'a backslash': ['gate.test\\', 'gate.test\\x', '\\gate.test', '\\\\gate.test', 'gate.test\\@other.test', 'other.test\\.gate.test'],
  'a tab': ['gate\t.test', 'gate.test\tx', 'gate.test/q?org=mine&o\trg=victim&', 'gate.test:8\t0', 'gate.test\t:80'],
  'a space': ['gate .test', 'gate.test x', 'gate.test :80', 'gate.test: 80', 'gate.test HTTP/1.1'],
  'a control character': ['gate\x01.test', 'gate.test\x01', 'gate\x0b.test', 'gate\x0c.test', 'gate\x1f.test', 'gate\x7f.test', 'gate.test\x00', 'gate\x00.test', 'gate\r.test', '\x1bgate.test'],
  'non-ASCII': ['g\xe4te.test', 'gate.test\xff', '\xefgate.test', 'gate\xa0.test', 'gate\x85.test', utf8('gäte.test'), utf8('gate。test'), utf8('ｇate.test'), utf8('gate.test／x'), utf8('\u200bgate.test'), utf8('\ufeffgate.test')],
  'percent-escapes': ['%67ate.test', 'gate%2etest', 'gate.test%2fx', 'gate.test%3fx', 'gate.test%23', 'gate.test%00', 'gate%.test', 'gate.test%3a80', '%5b::1%5d'],
  'a port that is none': ['gate.test:', 'gate.test:x', 'gate.test:+80', 'gate.test:-80', 'gate.test:8_0', 'gate.test:65536', 'gate.test:99999', 'gate.test:80:80', 'gate.test:80:', 'gate.test::80', 'gate.test:0x50', 'gate.test:8.0', ':80', ':', 'gate.test:80a'],
  'empty labels': ['.', '..', '.gate.test', 'gate..test', 'gate.test..', '.:80'],
  'what a URL parser takes for an address': ['127.1', '127.0.1', '0x7f.1', '0x7f000001', '2130706433', '017700000001', '0177.0.0.1', '1.2.3.4.5', '256.0.0.1', 'gate.1', 'gate.0x7f', '127.0.0.0x1', '127.0.0.08', '127.1.'],
  'a broken IPv6 address': ['::1', '[::1', '::1]', '[]', '[::1]x', '[::1]:', '[::1]:x', '[::1]:65536', '[::1]]', '[[::1]]', '[::1%25lo]', '[::1%lo]', '[v1.a]', '[gate.test]', '[::1].', 'x[::1]', '[::12345]', '[1.2.3.4]', '[:::1]', '[::1]:80/x'],
  'other characters': ['gate.test,other.test', 'gate.test, other.test', 'gate.test;x', 'gate!.test', '*', '*.test', 'gate.test|x', '"gate.test"', "'gate.test'", '<gate.test>', 'gate^.test', 'gate`.test', '{gate}.test', 'gate~.test', 'gate$.test', 'gate=.test', '(gate.test)', 'http://gate.test', 'http:gate.test', '//gate.test'],
  empty: ['', ' ', '\t'],
};

const head = (line, fields) => `${line}\r\n${fields.map((field) => `${field}\r\n`).join('')}`;

/** Whole heads that are refused. */
export const BAD_HEADS = {
  'no Host': head(`GET ${PLAIN} HTTP/1.1`, []),
  'no Host, HTTP/1.0': head(`GET ${PLAIN} HTTP/1.0`, []),
  'two Hosts': head(`GET ${PLAIN} HTTP/1.1`, ['Host: gate.test', 'Host: other.test']),
  'one Host twice': head(`GET ${PLAIN} HTTP/1.1`, ['Host: gate.test', 'Host: gate.test']),
  'two Hosts in two cases': head(`GET ${PLAIN} HTTP/1.1`, ['host: gate.test', 'HOST: other.test']),
  'a second Host that is empty': head(`GET ${PLAIN} HTTP/1.1`, ['Host: gate.test', 'Host:']),
  'a Host on two lines': head(`GET ${PLAIN} HTTP/1.1`, ['Host: gate', ' .test']),
  'a space behind the name': head(`GET ${PLAIN} HTTP/1.1`, ['Host : gate.test']),
  'a space before the name': head(`GET ${PLAIN} HTTP/1.1`, [' Host: gate.test']),
  'asterisk form': head('OPTIONS * HTTP/1.1', ['Host: gate.test']),
  'asterisk form, and a path in Host': head('OPTIONS * HTTP/1.1', ['Host: gate.test/public/']),
  'a target without a slash': head('GET public/x HTTP/1.1', ['Host: gate.test']),
  'a target that goes on with the host': head('GET .other.test/public/x HTTP/1.1', ['Host: gate.test']),
  'a target that makes the host user info': head('GET @other.test/public/x HTTP/1.1', ['Host: gate.test']),
  'a target that is a port': head('GET :80/public/x HTTP/1.1', ['Host: gate.test']),
  'authority form': head('GET gate.test:80 HTTP/1.1', ['Host: gate.test']),
  'a target that is a query': head('GET ?x=/public/x HTTP/1.1', ['Host: gate.test']),
  'a target that is a fragment': head('GET #/public/x HTTP/1.1', ['Host: gate.test']),
  'an absolute form without a path that matches': head('GET http://gate.test/..//public/x HTTP/1.1', ['Host: gate.test']),
  'an absolute form with a backslash': head('GET http:\\\\gate.test/public/x HTTP/1.1', ['Host: gate.test']),
  'an absolute form, and no Host': head(`GET http://gate.test${PLAIN} HTTP/1.1`, []),
  'an absolute form, and a bad Host': head(`GET http://gate.test${PLAIN} HTTP/1.1`, ['Host: gate.test/x?']),
  'a target with a control character': head('GET /public/\x01x HTTP/1.1', ['Host: gate.test']),
  'a target with a space': head('GET /public/ x HTTP/1.1', ['Host: gate.test']),
  'a target with a tab': head('GET /public/\tx HTTP/1.1', ['Host: gate.test']),
};

/** Queries, by the bytes behind the question mark, that are refused. */
export const BAD_QUERIES = {
  'a tab': ['a\t=1', '\t', 'org=mine&o\trg=victim', 'a=1\t'],
  'a control character': ['a\x01', 'a=\x00', '\x1b', 'a=\x7f', 'a=\x0b1', 'a=\x0c', 'a=\x08'],
};

/** Queries that only look odd: they arrive as they came. */
export const GOOD_QUERIES = ['', 'a', 'a=%23', 'a=%09', 'a=%00', '%', 'a=%zz', '?', '??a', 'a=/../b', "a='", 'a=[1]', 'a=1&&b', 'a=b=c', 'a=1;b=2', '\\', '{}', '|', '^', '`'];

function utf8(text) {
  return Buffer.from(text).toString('latin1');
}
