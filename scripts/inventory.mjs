#!/usr/bin/env zx
// Shows the inventory: hosts, groups, and vars with the places that they come from.
import { commands } from '#capstan'

await commands.inventory()
