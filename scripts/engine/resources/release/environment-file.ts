import { Secret } from '#engine/secret.ts'

/**
 * `NAME="value"` for systemd's EnvironmentFile= and for a shell alike: inside double quotes both take a backslash
 * before `"`, `\`, `$` and a backquote as their escape, and nothing else as special. Source: systemd.exec(5).
 */
export function quotedForFile<T extends string | Secret>(value: T): T
export function quotedForFile(value: string | Secret): string | Secret {
  const quoted = (text: string) => `"${text.replace(/["\\$`]/g, '\\$&')}"`
  return value instanceof Secret ? new Secret(quoted(value.reveal())) : quoted(value)
}
