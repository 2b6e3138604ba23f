#!/usr/bin/env zx
// Makes an earlier release live again.
import { commands } from '#capstan'

await commands.rollback()
