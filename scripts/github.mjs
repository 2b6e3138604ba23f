#!/usr/bin/env zx
// Reports results of workflows on GitHub: a plan as a comment, drift as an issue.
import { commands } from '#capstan'

await commands.github()
