#!/usr/bin/env zx
// Checks the way from this machine to every host; makes the user and the key that a runner deploys with.
import { commands } from '#capstan'

await commands.doctor()
