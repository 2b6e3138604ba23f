#!/usr/bin/env zx
// Shows the inventory: hosts, groups, and vars with the lines that set them.
import { commands } from '#capstan'

await commands.inventory()
