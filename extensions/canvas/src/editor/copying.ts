/** Text onto the clipboard, at the press of a button. */

/** Whether it was taken. By the event that copying is: the browser's newer way is there only for pages
 * that came over https. */
export function copyText(text: string): boolean {
  let taken = false;
  const give = (event: ClipboardEvent): void => {
    event.preventDefault();
    event.stopImmediatePropagation();
    event.clipboardData?.setData('text/plain', text);
    taken = true;
  };
  document.addEventListener('copy', give, { capture: true });
  try {
    document.execCommand('copy');
  } finally {
    document.removeEventListener('copy', give, { capture: true });
  }
  return taken;
}
