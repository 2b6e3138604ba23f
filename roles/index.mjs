// '#roles': index.ts, on every version of Node.
import { require } from '../scripts/typescript.mjs'

export const { app, backup, base, dns, mysql, nginx, tls } = require('../roles/index.ts')
