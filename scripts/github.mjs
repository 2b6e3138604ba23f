#!/usr/bin/env zx
// What a workflow tells on GitHub: a plan as a comment, drift as an issue.
import { commands } from '#capstan'

await commands.github()
