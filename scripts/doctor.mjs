#!/usr/bin/env zx
// Checks the way from this machine to every host; makes the user and the key that a runner deploys with.
import { require } from './typescript.mjs'

const { main } = require('./engine/command/main.ts')
const { doctorCommand } = require('./engine/command/doctor.ts')

await main(import.meta, doctorCommand)
