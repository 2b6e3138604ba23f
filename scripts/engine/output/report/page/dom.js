/**
 * An element with its attributes and children: texts are never read as HTML. `on…` are listeners, `style` is an object
 * of properties, and an attribute that is undefined or false is left out.
 */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue
    if (key === 'style') Object.assign(made.style, value)
    else if (typeof value === 'function') made.addEventListener(key.slice(2), value)
    else made.setAttribute(key, value === true ? '' : String(value))
  }
  made.append(...children.flat().filter(child => child !== undefined && child !== false && child !== ''))
  return made
}

/** A part of the page under a heading; undefined where it has nothing. */
export function section(id, title, ...children) {
  if (children.flat().length === 0) return undefined
  const heading = `${id}-title`
  return el('section', { id, 'aria-labelledby': heading }, el('h2', { id: heading }, title), ...children)
}

/** Ms as a person reads them: `0.04 s`, `3.2 s`, `41 s`, `2 min 05 s`. */
export function time(ms) {
  const seconds = ms / 1000
  if (seconds < 0.995) return `${seconds.toFixed(2)} s`
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const two = number => String(number).padStart(2, '0')
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`
}

/** `1 host`, `1,200 hosts`. */
export function count(number, noun, nouns = `${noun}s`) {
  return `${number.toLocaleString('en')} ${number === 1 ? noun : nouns}`
}

/**
 * Fills `list` with what `make` gives for each item: some at once, more when the button behind it is pressed, and by
 * itself as the reader comes to the end where `isEndless`.
 */
export function fillLazily(list, items, step, make, isEndless = false) {
  let shown = 0
  const button = el('button', { type: 'button', class: 'more', onclick: () => more(true) })
  const watcher = new IntersectionObserver(([entry]) => entry.isIntersecting && more(), {
    rootMargin: '600px',
  })

  function more(isAsked = false) {
    const made = items.slice(shown, shown + step).map(make)
    shown += made.length
    list.append(...made)
    const left = items.length - shown
    button.textContent = `Show ${Math.min(step, left)} more of ${left.toLocaleString('en')}`
    button.hidden = left === 0
    if (isAsked) made[0]?.querySelector('button, summary')?.focus()
    // It tells only of what comes into sight: a page that is still too short has to be looked at again.
    watcher.unobserve(button)
    if (left > 0 && isEndless) watcher.observe(button)
  }

  list.replaceChildren()
  list.parentNode?.querySelector(':scope > .more')?.remove()
  list.after(button)
  more()
  return () => watcher.disconnect()
}
