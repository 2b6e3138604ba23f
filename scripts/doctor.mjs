#!/usr/bin/env zx
// Checks the connection to every host; creates the user and the key for deploys from a CI runner.
import { commands } from '#capstan'

await commands.doctor()
