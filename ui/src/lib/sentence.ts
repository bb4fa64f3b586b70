/** What the server says of a mistake, as a sentence of its own. */
export function sentence(text: string): string {
  const whole = /[.?!:]$/.test(text) ? text : `${text}.`;
  return whole.charAt(0).toUpperCase() + whole.slice(1);
}
