#!/usr/bin/env zx
// Runs the tests of the apps: app.release.test of each site.
import { commands } from '#capstan'

await commands.test()
