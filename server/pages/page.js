/** Takes the code out of the address, where it would stay in the browser's history, and sends the form as JSON. */
const form = document.querySelector('form');
const status = document.querySelector('[role=status]');

function takeCode() {
  const code = new URLSearchParams(location.hash.slice(1)).get('token');
  if (code === null) return;
  form.elements.namedItem('token').value = code;
  history.replaceState(null, '', location.pathname);
}

async function send() {
  const response = await fetch(form.dataset.call, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(Object.fromEntries(new FormData(form))),
  });
  return response.ok ? undefined : (await response.json()).detail;
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = form.querySelector('button');
  button.disabled = true;
  status.textContent = '';
  const refusal = await send().catch(() => 'The service could not be reached. Try again.');
  status.textContent = refusal ?? form.dataset.done;
  form.hidden = refusal === undefined;
  button.disabled = false;
});
takeCode();
