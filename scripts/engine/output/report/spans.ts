/** What a host did from one moment to another, in ms since the run began: `nginx`, or the step of a release. */
export interface Span {
  readonly label: string
  readonly from: number
  readonly to: number
  readonly isFailed: boolean
}

// Changes of one role with less between them are one span.
const joined = 1000
// More can't be seen in one line: a script may run thousands of commands.
const most = 300

/** Adds a span to those of a host, which are in the order of their ends; it continues the last one of the same label. */
export function addSpan(spans: Span[], span: Span): void {
  const last = spans.at(-1)
  if (last && last.label === span.label && !last.isFailed && span.from - last.to < joined)
    spans[spans.length - 1] = { ...span, from: Math.min(last.from, span.from) }
  else if (last && spans.length >= most)
    spans[spans.length - 1] = { ...span, label: last.label, from: last.from, isFailed: span.isFailed }
  else spans.push(span)
}
