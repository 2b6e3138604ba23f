#!/usr/bin/env zx
// Lists the releases on the hosts; freezes deploys; shows a maintenance page.
import { commands } from '#capstan'

await commands.releases()
