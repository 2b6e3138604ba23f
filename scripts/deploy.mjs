#!/usr/bin/env zx
// Ships a release of the app and makes it live.
import { commands } from '#capstan'

await commands.deploy()
