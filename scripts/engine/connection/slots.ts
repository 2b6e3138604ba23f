import { CapstanError } from '../errors.ts'

/** Beside the session's own channel and one to kill with; sshd allows ten by default. Source: sshd_config(5), MaxSessions. */
const most = 8

/** The processes that run on a connection at the same time: more than the host allows wait for their turn. */
export class Slots {
  #limit = most
  #running = 0
  readonly #waiting: (() => void)[] = []

  /**
   * Runs `open` once there is room, and keeps the room until what it gave has ended. Where the host refuses a further
   * session, waits for one of ours to end; `makeRoom` is the last resort, and gives false where it has none.
   */
  async open<T extends { readonly ended: Promise<unknown> }>(
    open: () => Promise<T>,
    makeRoom: () => boolean,
  ): Promise<T> {
    for (;;) {
      while (this.#running >= this.#limit) await new Promise<void>(resolve => this.#waiting.push(resolve))
      this.#running += 1
      try {
        const opened = await open()
        void opened.ended.catch(() => {}).then(() => this.#leave())
        return opened
      } catch (error) {
        this.#leave()
        if (!(error instanceof CapstanError) || error.code !== 'no-channel') throw error
        if (this.#running > 0) this.#limit = this.#running
        else if (!makeRoom()) throw error
      }
    }
  }

  #leave(): void {
    this.#running -= 1
    this.#waiting.shift()?.()
  }
}
