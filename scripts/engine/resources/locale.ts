import { checkedMatch } from './checked.ts'
import { lineInFile } from './line-in-file.ts'
import { type Declare, type DeclareOptions, differs, type Kind, known } from './resource.ts'
import { setting } from './setting/setting.ts'

export interface LocaleOptions extends DeclareOptions {
  /** The default of programs: LANG in /etc/default/locale. */
  readonly default?: boolean
}

export interface DeclareLocale {
  (name: string, options?: LocaleOptions): void
  absent(name: string, options?: DeclareOptions): void
}

/** `locale('de_DE.UTF-8', { default: true })`. Source: locale-gen(8), locale(1). */
export function locale(declare: Declare): DeclareLocale {
  const lines = lineInFile(declare)
  const present = (name: string, { default: isDefault = false, ...options }: LocaleOptions = {}): void => {
    if (!isBuiltIn(checkedName(name))) {
      lines(listFile, lineOf(name), { ...options, match: patternOf(name) })
      declare(locales, { name, wanted: { name, present: true } }, options)
    }
    if (isDefault) setting(declare)('/etc/default/locale', 'LANG', name, { ...options, create: true })
  }
  return Object.assign(present, {
    absent(name: string, options: DeclareOptions = {}): void {
      if (isBuiltIn(checkedName(name))) throw new RangeError(`${name} is a part of every Debian`)
      lines.absent(listFile, patternOf(name, ''), options)
      declare(locales, { name, wanted: { name, present: false } }, options)
    },
  })
}

interface WantedLocale {
  readonly name: string
  readonly present: boolean
}

const locales: Kind<WantedLocale, boolean> = {
  noun: 'locale',
  probe: () => 'locale -a\n',
  parse(output, items) {
    const names = new Set(output.toString().split('\n'))
    return items.map(({ name }) => known(names.has(listed(name))))
  },
  diff: ({ present }, found) =>
    differs('state', found ? 'generated' : 'absent', present ? 'generated' : 'absent'),
  // It removes the archive of all locales first, and makes those of the list.
  apply: () => 'locale-gen >/dev/null\n',
}

const listFile = '/etc/locale.gen'

function checkedName(name: string): string {
  return checkedMatch(
    'a locale such as de_DE.UTF-8',
    /(C|[a-z]{2,3}_[A-Z]{2})(\.[A-Za-z0-9-]+)?(@[a-z]+)?/,
    name,
  )
}

function isBuiltIn(name: string): boolean {
  return name === 'C' || name === 'C.UTF-8'
}

// `de_DE.UTF-8 UTF-8`; a name without an encoding is one of ISO-8859-1.
function lineOf(name: string): string {
  return `${name} ${/\.([^@]+)/.exec(name)?.[1] ?? 'ISO-8859-1'}`
}

function patternOf(name: string, comment = '#? *'): RegExp {
  return new RegExp(`^${comment}${lineOf(name).replace(/[.@]/g, '\\$&')} *$`)
}

/** As locale(1) writes it: `de_DE.utf8`. */
function listed(name: string): string {
  return name.replace(/\.([^@]+)/, (_, encoding: string) => `.${encoding.toLowerCase().replaceAll('-', '')}`)
}
