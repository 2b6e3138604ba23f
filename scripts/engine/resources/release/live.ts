import { readFileSync } from 'node:fs'
import { quote } from '#engine/quote.ts'
import { type Declare, differs, type Kind, known } from '#engine/resources/resource.ts'
import { fields, here } from '#engine/resources/shell.ts'
import type { ReleaseApp } from './app.ts'
import { configuration, gateShell, goodShell, releaseShell, verifyShell } from './script.ts'

interface WantedRelease extends ReleaseApp {
  /** What runs the app on this host, as /etc/capstan/<app>/runtime has it. */
  readonly runtime: string
  /** The file of a release that the runtime runs, such as `public/index.php`. */
  readonly entry: string
}

interface FoundRelease {
  /** Undefined: nothing is live. */
  readonly live: string | undefined
  readonly isActive: boolean
  /** Its server takes connections, or it needs none. */
  readonly answers: boolean
  /** What of its configuration is not the host's present one: `app.env`, `unit`, `installed`. */
  readonly differing: readonly string[]
  /** What runs it; undefined: a release of before there were such records. */
  readonly runtime: string | undefined
  readonly hasEntry: boolean
  /** Instances beside it. */
  readonly others: readonly string[]
}

/**
 * The live release of an app: it runs, answers, has the host's present configuration, and no other instance runs.
 * Where its configuration has changed, a new instance of the same content takes its place and no request is lost.
 */
const liveRelease: Kind<WantedRelease, FoundRelease> = {
  noun: 'release',

  probe(items) {
    const pairs = items.flatMap(({ app, entry }) => [app, entry])
    return here(`perl -e ${quote(reader)}`, pairs.join('\0'))
  },

  parse(output, items) {
    const values = fields(output)
    if (values.length !== items.length * width)
      throw new Error(`${items.length} apps were probed, ${values.length / width} were answered`)
    return items.map((_, index) => {
      const [live = '', active, answers, differing = '', runtime = '', hasEntry, others = ''] = values.slice(
        index * width,
      )
      return known({
        live: live === '' ? undefined : live,
        isActive: active === '1',
        answers: answers === '1',
        differing: differing.split(',').filter(Boolean),
        runtime: runtime === '' ? undefined : runtime,
        hasEntry: hasEntry === '1',
        others: others.split(',').filter(Boolean),
      })
    })
  },

  diff(wanted, found) {
    const { live, isActive, answers, others } = found
    // The instance before stays started where a rollback is to find it so.
    const most = wanted.warm ? 1 : 0
    return [
      ...(live !== undefined && !isActive ? differs('instance', 'inactive', 'active') : []),
      ...(live !== undefined && isActive && !answers ? differs('instance', 'silent', 'answering') : []),
      ...(live !== undefined && isRenewed(wanted, found)
        ? differs('configuration', `outdated ${found.differing.join(', ')}`, 'present')
        : []),
      ...(others.length > most ? differs('further instances', others.join(', '), 'none') : []),
    ]
  },

  warning(wanted, found) {
    if (found.live === undefined || !isOfOther(wanted, found) || found.hasEntry) return undefined
    return `${wanted.app}: the live release ${found.live} runs on ${found.runtime}, as it has no ${wanted.entry}. ${wanted.runtime} takes over with the next deploy.`
  },

  apply(wanted, found) {
    const { live, isActive, answers, others } = found
    const renew = live !== undefined && isActive && (!answers || isRenewed(wanted, found))
    return [
      releaseShell(wanted, { release: live ?? '', ref: '', how: 'restart' }),
      lifecycle(wanted),
      live !== undefined && !isActive
        ? `revive ${wanted.drain} ${isRenewed(wanted, found) ? 1 : "''"}\n`
        : '',
      renew ? `renew ${wanted.drain}\n` : '',
      others.length > 0 ? `end_further ${wanted.drain} ${others.map(quote).join(' ')}\n` : '',
    ].join('')
  },
}

/**
 * `release('shop', { domain, runtime: 'php', entry: 'public/index.php', health, … })`: what is live keeps running and
 * has the app's present configuration. Done after all roles, as that may depend on any of them.
 */
export function release(declare: Declare) {
  return (app: string, options: Omit<WantedRelease, 'app'>): void =>
    declare(liveRelease, { name: app, wanted: { app, ...options }, late: true })
}

const width = 7

function isOfOther({ runtime }: WantedRelease, found: FoundRelease): boolean {
  return found.runtime !== undefined && found.runtime !== runtime
}

// A release that the present runtime can't run stays as it is until a deploy brings one that it can.
function isRenewed(wanted: WantedRelease, found: FoundRelease): boolean {
  return found.differing.length > 0 && (!isOfOther(wanted, found) || found.hasEntry)
}

const reader = readFileSync(new URL('live.pl', import.meta.url), 'utf8') + configuration

function lifecycle(wanted: ReleaseApp): string {
  return `
prepare_copy() { copy "$old"; start_new; ${gateShell(wanted)}}
take_over() { switch_to_new; ${verifyShell(wanted)}}
finish_renewal() { ${goodShell(wanted)}}
${readFileSync(new URL('live.sh', import.meta.url), 'utf8')}`
}
