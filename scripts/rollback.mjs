#!/usr/bin/env zx
// Makes a release that the hosts still have live again.
import { commands } from '#capstan'

await commands.rollback()
