#!/usr/bin/env zx
// Lists the releases that the hosts have; holds up deploys, or visitors.
import { commands } from '#capstan'

await commands.releases()
