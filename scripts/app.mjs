#!/usr/bin/env zx
// Works with the live release of an app: runs a command as it runs, shows its log, its environment and its database.
import { commands } from '#capstan'

await commands.app()
