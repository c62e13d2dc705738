// An FCM emulator for the tests: starts it, and speaks its interface for scripts.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {createInterface} from 'node:readline';

export class Emulator {
  #process;

  // Over plaintext and without --tls-dir no access token is checked.
  static async start() {
    const program = process.env.FANFARE ?? 'fanfare';
    const child = spawn(program, ['emulate', '--port', '0', '--exit-with-parent'],
                        {stdio: ['ignore', 'pipe', 'ignore']});
    const [line] = await once(createInterface({input: child.stdout}), 'line');
    const emulator = new Emulator();
    emulator.#process = child; // It listens since it has printed this line.
    emulator.url = `http://127.0.0.1:${JSON.parse(line).port}`;
    return emulator;
  }

  async stop() {
    this.#process.kill();
    await once(this.#process, 'exit');
  }

  async #call(method, path, body) {
    const answer = await fetch(`${this.url}/_emulator/${path}`, {
      method,
      body: body && JSON.stringify(body),
    });
    const told = await answer.json();
    if (!answer.ok) throw new Error(`${told.error}; ${told.remedy}`);
    return told;
  }

  async newPhone(platform = 'android') {
    return (await this.#call('POST', 'devices', {platform})).device;
  }

  act(registration, action, body = {}) {
    return this.#call('POST', `devices/${encodeURIComponent(registration)}/${action}`, body);
  }

  // Waits for the first delivery, but not for ever.
  async inbox(registration) {
    const query = new URLSearchParams({device: registration, wait_s: 10});
    return (await this.#call('GET', `inbox?${query}`)).deliveries;
  }

  faults(settings = {}) {
    return this.#call('PUT', 'faults', settings);
  }
}
