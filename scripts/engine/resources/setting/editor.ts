import type { Edited } from '../edit.ts'

/** What a JSON or YAML file can hold. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value }

/** Gives the text with the key set to the value, or without it (undefined). Throws RangeError where it can't. */
export type SettingEditor = (
  text: string,
  key: readonly (string | number)[],
  value: Value | undefined,
) => Edited
