import { inspect } from 'node:util'

const known = new Set<string>()

/**
 * A value that is printed as `***` wherever it lands: string, JSON, inspect. `reveal()` is for the one place
 * that hands it to the host, on stdin. Every secret made is also masked in all that Capstan prints.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
    register(value)
  }

  reveal(): string {
    return this.#value
  }

  /** Whether the other one is the same, for a check that has no need of the text. */
  equals(other: Secret): boolean {
    return this.#value === other.#value
  }

  toString(): string {
    return '***'
  }

  toJSON(): string {
    return '***'
  }

  [inspect.custom](): string {
    return '***'
  }
}

/** `text` with every known secret, whole or in its encoded forms, replaced by `***`. */
export function mask(text: string): string {
  let masked = text
  for (const form of longestFirst()) masked = masked.replaceAll(form, '***')
  return masked
}

/** The known secrets in all the forms that are masked, for printers that hand masks on (a CI runner). */
export function maskedForms(): readonly string[] {
  return longestFirst()
}

// Three characters and fewer occur in any text: masking them would hide the output and tell the secret.
const shortest = 4

function register(value: string): void {
  const forms = [
    value,
    ...value.split('\n'),
    encodeURIComponent(value),
    Buffer.from(value).toString('base64'),
  ]
  for (const form of forms) if (form.trim().length >= shortest) known.add(form)
  sorted = undefined
}

let sorted: readonly string[] | undefined

function longestFirst(): readonly string[] {
  sorted ??= [...known].sort((a, b) => b.length - a.length)
  return sorted
}
