// The door to the engine, '#capstan': engine/capstan.ts, on every version of Node.
import { require } from './typescript.mjs'

export const {
  CapstanError,
  commands,
  HostError,
  hosts,
  inventory,
  play,
  printable,
  Secret,
  script,
  site,
  UnreachableError,
  UsageError,
} = require('./engine/capstan.ts')
