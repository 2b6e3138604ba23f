#!/usr/bin/env zx
// Shows the health of hosts on one screen: services, disk, memory, certificates, updates, and each site.
import { commands } from '#capstan'

await commands.status()
