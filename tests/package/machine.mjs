// A machine as the package's users have it: Node and npm, nothing of Rust, an empty home and an empty npm cache.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const { version: VERSION } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
export const ARCHIVE = join(ROOT, `target/portcullis-${VERSION}.tgz`);
/** How this machine reaches the network. */
const NETWORK = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];
/** What npm and npm's scripts need of the system. */
const SYSTEM = ['sh', 'env', 'uname', 'curl'];

export class Machine {
  #home = mkdtempSync(join(tmpdir(), 'portcullis-machine-'));
  #children = new Set();

  constructor() {
    const bin = join(this.#home, 'bin');
    mkdirSync(bin);
    symlinkSync(process.execPath, join(bin, 'node'));
    for (const name of SYSTEM) {
      const path = ['/usr/bin', '/bin'].map((folder) => join(folder, name)).find((found) => existsSync(found));
      if (path !== undefined) symlinkSync(path, join(bin, name));
    }
    // npm as a program of its own: its scripts look for what they need beside themselves.
    const npm = dirname(dirname(npmProgram()));
    for (const name of ['npm', 'npx']) writeFileSync(join(bin, name), `#!/bin/sh\nexec node '${npm}/bin/${name}-cli.js' "$@"\n`, { mode: 0o755 });
    this.env = {
      HOME: this.#home,
      PATH: bin,
      TERM: 'dumb',
      CI: '1',
      ...Object.fromEntries(NETWORK.filter((name) => name in process.env).map((name) => [name, process.env[name]])),
      ...npmSettings(),
      npm_config_update_notifier: 'false',
      WRANGLER_SEND_METRICS: 'false',
    };
  }

  /** A folder of the user's. */
  folder(name) {
    const folder = join(this.#home, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Runs a command of a shell to its end. */
  run(command, folder, env = {}) {
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], { cwd: folder, env: { ...this.env, ...env }, encoding: 'utf8', maxBuffer: 1 << 28 });
    return { code: status, out: stdout, err: stderr };
  }

  /** Starts a command; resolves with what it printed once that matches. */
  async start(command, folder, expected) {
    const child = spawn('/bin/sh', ['-c', `exec ${command}`], { cwd: folder, env: this.env, detached: true });
    this.#children.add(child);
    const running = { printed: '' };
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (running.printed += text));
    running.until = (pattern) => new Promise((resolve, reject) => {
      const look = () => {
        if (!pattern.test(running.printed)) return;
        clearInterval(timer);
        resolve(running.printed);
      };
      const timer = setInterval(look, 50);
      child.once('close', (code) => {
        clearInterval(timer);
        reject(new Error(`${command} ended with ${code}:\n${running.printed}`));
      });
    });
    running.stop = () => new Promise((resolve) => {
      this.#children.delete(child);
      if (child.exitCode !== null) return resolve(child.exitCode);
      child.once('close', resolve);
      process.kill(-child.pid, 'SIGINT');
    });
    await running.until(expected);
    return running;
  }

  close() {
    for (const { pid, exitCode } of this.#children) if (exitCode === null) process.kill(-pid, 'SIGKILL');
    rmSync(this.#home, { recursive: true, force: true });
  }
}

/** The npm of this machine, as a file of JavaScript. */
function npmProgram() {
  return process.env.npm_execpath ?? realpathSync(spawnSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).stdout.trim());
}

/** The registry, and the certificates to trust. */
function npmSettings() {
  const settings = ['registry', 'cafile'].map((name) => [name, spawnSync('npm', ['config', 'get', name], { encoding: 'utf8' }).stdout.trim()]);
  return Object.fromEntries(settings.filter(([, value]) => value !== '' && value !== 'null').map(([name, value]) => [`npm_config_${name}`, value]));
}
