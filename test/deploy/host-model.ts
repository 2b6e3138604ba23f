import { type Answer, Recorder } from '#engine/connection/recorder.ts'
import type { DeployHost } from '#engine/deploy/settings.ts'
import { ConnectionLost, UnreachableError } from '#engine/errors.ts'
import type { AppSettings } from '#engine/resources/release/app.ts'

/** What happens at a step: it fails, or its stage is killed in it or right after it, or the connection breaks meanwhile. */
export type Harm = 'fails' | 'is killed' | 'is killed after' | 'loses the connection'

const sha = (n: number) => String(n).repeat(64)
/** The release with content `n`. */
export const id = (n: number) => `2026112${n}T000000Z-${String(n).repeat(7)}`

/** A machine for tests that keeps releases as a host does: what the shell of a step would do is done to this model of it. */
export class HostModel {
  readonly name: string
  readonly recorder: Recorder
  /** By the function that a step calls: `migrate`, `gate`, `switch_to_new`, `verify`, `found_good`. */
  readonly harm: Record<string, Harm> = {}
  /** The state of each release, in the order in which they were deployed. */
  readonly releases = new Map<string, string>()
  readonly running = new Set<string>()
  /** The functions that steps called, in order. */
  readonly did: string[] = []
  current: string | undefined
  /** The digest of the migrations that ran last, and the release that ran them. */
  migrated: { readonly migrations: string; readonly release: string } | undefined
  isLocked = false
  isDown = false

  constructor(name: string) {
    this.name = name
    this.recorder = new Recorder(script => this.#answer(script), name)
  }

  /** A host with good releases of contents 1 to `live`, the last of them live. */
  static with(name: string, live: number): HostModel {
    const host = new HostModel(name)
    for (let n = 1; n <= live; n++) host.releases.set(id(n), 'good')
    host.current = id(live)
    host.running.add(id(live))
    return host
  }

  deployHost(settings: AppSettings): DeployHost {
    const connect = async () => {
      if (this.isDown) throw new UnreachableError('unreachable-econnrefused', `${this.name}: nothing listens`)
      return this.recorder
    }
    return { name: this.name, settings, connect }
  }

  #answer(script: string): Answer {
    const stage = /<<'END_(\w+)'\n([\s\S]*?)\nEND_\1/.exec(script)?.[2]
    if (stage) return this.#stage(Buffer.from(stage, 'base64').toString())
    if (script.startsWith('if ! [ -e ')) return { exitCode: 3 }
    if (script.startsWith('exec perl')) {
      this.releases.set(/"id":"([^"]+)"/.exec(script)?.[1] ?? '', 'built')
      return { stdout: '1 0 0\n' }
    }
    if (this.isLocked && script.includes('capstan_=$?'))
      return { exitCode: 75, stderr: 'bob@laptop since now\n' }
    return { stdout: this.#inspected() }
  }

  #inspected(): string {
    const facts = (one: string) => ({
      id: one,
      sha256: sha(Number(one.at(-1))),
      by: 'ann',
      files: 1,
      bytes: 1,
    })
    const line = (release: string, state: string, more = {}) =>
      JSON.stringify({ release, state, at: '', by: 'ann', run: 'r', how: 'deploy', ...more })
    const all = [...this.releases]
    const pairs: readonly (readonly [string, string])[] = [
      ['current', this.current ?? ''],
      ['answers', 'yes'],
      ...all.map(([one]) => ['release', JSON.stringify(facts(one))] as const),
      ...all.flatMap(([one, state]) => ['live', state].map(each => ['log', line(one, each)] as const)),
      ...(this.migrated
        ? [['migrated', line(this.migrated.release, 'migrated', this.migrated)] as const]
        : []),
      ...[...this.running].map(one => ['running', one] as const),
      ['bytes', '1000000000'],
      ['inodes', '1000000'],
    ]
    return pairs.map(([key, value]) => `${key}\0${value}\0`).join('')
  }

  #stage(script: string): Answer {
    const nonce = /^NONCE=(\w+)/.exec(script)?.[1]
    const release = /^RELEASE='?([^'\n]*)/m.exec(script)?.[1] ?? ''
    const shell = (name: string) =>
      new RegExp(`^${name}\\(\\) \\{\\n([\\s\\S]*?)\\n\\}$`, 'm').exec(script)?.[1] ?? ''
    const calls = [...script.matchAll(/^(soft_)?step (\d+)$/gm)]
    let said = ''
    const mark = (args: string) => {
      said += `\n${nonce} ${args}\n`
    }
    for (const [, soft, index] of calls) {
      const step = shell(`step_${index}`)
      const name = /^(?:whole|intact|journal)?\n?(\w+)/.exec(step)?.[1] ?? ''
      const harm = this.harm[name]
      if (harm === 'loses the connection') {
        delete this.harm[name]
        return { error: new ConnectionLost('connection-lost', `${this.name}: connection lost`) }
      }
      mark(`begin ${index}`)
      if (harm === 'is killed') return { stdout: said }
      if (harm === 'fails') {
        this.#do(shell(`failed_${index}`), release)
        mark(`end ${index} 1`)
        if (soft) continue
        mark('done 1')
        return { stdout: said }
      }
      this.#do(step, release)
      if (name === 'switch_to_new') mark(`note ${index} `)
      mark(`end ${index} 0`)
      if (harm === 'is killed after') return { stdout: said }
    }
    mark('done 0')
    return { stdout: said }
  }

  #do(shell: string, release: string): void {
    for (const line of shell.split('\n')) {
      const [name = '', ...args] = line.replaceAll("'", '').split(' ')
      this.did.push(name)
      switch (name) {
        case 'migrate':
          this.migrated = { release, migrations: args.at(-1) ?? '' }
          break
        case 'start_new':
          this.running.add(release)
          break
        case 'switch_to_new':
          this.current = release
          break
        case 'found_good':
          // What is deployed again is the newest again.
          this.releases.delete(release)
          this.releases.set(release, 'good')
          break
        case 'never_live':
        case 'stop_new':
          this.running.delete(release)
          this.releases.set(release, 'failed')
          break
        case 'back':
          if (this.current === release) {
            this.current = args[0] || undefined
            this.releases.set(release, 'bad')
          } else this.releases.set(release, 'failed')
          this.running.delete(release)
          break
        case 'copy':
          this.releases.set(release, 'built')
          break
        case 'end_others':
          for (const other of args.slice(1)) this.running.delete(other)
          break
        case 'prune':
          for (const old of args) this.releases.delete(old)
      }
    }
  }
}
