import { basename, extname } from 'node:path'
import { Secret } from '#engine/secret.ts'
import { declareEdit, type EditOptions } from '../edit.ts'
import type { Declare } from '../resource.ts'
import type { Value } from './editor.ts'
import { editIni } from './ini.ts'
import { editJson } from './json.ts'
import { editShell } from './shell.ts'
import { editYaml } from './yaml.ts'

/** A key, or the way to it from the top of the file; in an ini file `[section, key]`. */
export type Key = string | readonly [string | number, ...(string | number)[]]

const editors = { ini: editIni, json: editJson, shell: editShell, yaml: editYaml } as const

export interface SettingOptions extends EditOptions {
  /** Absent: what the file's name says: `.json`, `.yaml`, `.ini`, `.cnf`, `.cfg`, `.env`; /etc/default and /etc/environment. */
  readonly format?: keyof typeof editors
}

export interface DeclareSetting {
  (path: string, key: Key, value: Value | Secret, options?: SettingOptions): void
  /** The key is not in the file. */
  absent(path: string, key: Key, options?: SettingOptions): void
}

/** `setting('/etc/php/8.2/cli/php.ini', ['PHP', 'memory_limit'], '256M')`: one key of a file; the rest stays as it is. */
export function setting(declare: Declare): DeclareSetting {
  const wanted = (
    path: string,
    key: Key,
    given: Value | Secret | undefined,
    options: SettingOptions,
  ): void => {
    const { format = formatOf(path), ...rest } = options
    const isSecret = given instanceof Secret
    const value = isSecret ? given.reveal() : given
    if (!isSecret && JSON.stringify(value ?? null).includes('***'))
      throw new RangeError(`${path}: a secret was joined to other text: give the whole value as a Secret`)
    const way = typeof key === 'string' ? [key] : key
    const editor = editors[format]
    // What no file of the format can hold is an error of the role, whatever the host has.
    editor('', way, value)
    const edit = (text: string) => editor(text, way, value)
    declareEdit(
      declare,
      'setting',
      path,
      way.join('.'),
      { edit, isSecret, isRemoval: value === undefined },
      rest,
    )
  }
  return Object.assign(
    (path: string, key: Key, value: Value | Secret, options: SettingOptions = {}) =>
      wanted(path, key, value, options),
    {
      absent: (path: string, key: Key, options: SettingOptions = {}) => wanted(path, key, undefined, options),
    },
  )
}

const formats: Readonly<Record<string, keyof typeof editors>> = {
  ...{ '.json': 'json', '.jsonc': 'json', '.yaml': 'yaml', '.yml': 'yaml', '.env': 'shell' },
  ...{ '.ini': 'ini', '.cnf': 'ini', '.cfg': 'ini' },
}

function formatOf(path: string): keyof typeof editors {
  if (path.startsWith('/etc/default/') || path === '/etc/environment' || basename(path) === '.env')
    return 'shell'
  const format = formats[extname(path)]
  if (format) return format
  throw new RangeError(
    `${path}: its name does not tell its format: give format: ${Object.keys(editors).join(', ')}`,
  )
}
