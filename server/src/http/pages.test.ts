import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  callApi,
  codeIn,
  registerPerson,
  startTestServer,
  type TestServer,
  waitForLetter,
} from '../testing/index.ts';

const password = 'seventeen green otters';
const executablePath = '/usr/bin/chromium';
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

let people = 0;
const post = (path: string, body: object) => callApi(server.url, 'POST', path, body);
const login = async (email: string, tried: string) =>
  (await post('/auth/login', { email, password: tried })).status;

/** Where the letter's link leads, at the address where this service really listens. */
function linkIn(letter: string): string {
  const [link = 'none'] = /^http:\/\/alcove\.test\S+$/m.exec(letter) ?? [];
  return link.replace('http://alcove.test', server.url);
}

async function signup(): Promise<string> {
  const email = `reader-${++people}@example.com`;
  expect((await post('/auth/signup', { email, password })).status).toBe(201);
  return email;
}

async function verification() {
  return waitForLetter(server, await signup(), /Confirm/);
}

async function reset(email?: string) {
  const to = email ?? (await signup());
  await post('/auth/password/forgot', { email: to });
  return waitForLetter(server, to, /new password/);
}

async function invitation() {
  const ada = await registerPerson(server.url);
  const email = `invited-${++people}@example.com`;
  await ada.call('POST', `/workspaces/${ada.workspace.id}/invitations`, { email, role: 'viewer' });
  return waitForLetter(server, email, /invited/);
}

test.each<[string, () => Promise<string>]>([
  ['that proves a mail address', verification],
  ['for a new password', reset],
  ['of an invitation', invitation],
])('the link in a letter %s opens a page that runs nothing but its own files', async (_, write) => {
  const letter = await write();
  const page = await fetch(linkIn(letter));
  expect(page.status).toBe(200);
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const policy = page.headers.get('content-security-policy');
  expect(policy).toContain("default-src 'none'; script-src 'self'");
  expect(policy).not.toContain('unsafe');
  const html = await page.text();
  expect(html).not.toMatch(/<script>|<style|style=|\son\w+=/);
  for (const [, file = ''] of html.matchAll(/(?:src|href)="([^"]+)"/g))
    expect((await fetch(new URL(file, linkIn(letter)))).status).toBe(200);
  expect(letter).toContain(`\n${codeIn(letter)}\n`);
  expect((await fetch(linkIn(letter), { method: 'POST' })).status).toBe(405);
});

describe.skipIf(!existsSync(executablePath))('in a browser', () => {
  async function open(link: string) {
    const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'];
    const browser = await chromium.launch({ executablePath, args });
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    await page.goto(link);
    return page;
  }

  test('a new password is chosen, and the code leaves the address', async () => {
    const email = await signup();
    const page = await open(linkIn(await reset(email)));
    expect(page.url()).toBe(`${server.url}/reset-password`);
    await page.fill('[name=password]', 'nineteen green otters');
    await page.click('button');
    await page.getByText('Your password is changed.').waitFor();
    expect(await login(email, 'nineteen green otters')).toBe(200);
  });

  test('a refusal is shown in words, and the form stays', async () => {
    const page = await open(`${server.url}/reset-password#token=made-up`);
    await page.fill('[name=password]', 'nineteen green otters');
    await page.click('button');
    await page.getByText('The code is not valid').waitFor();
    expect(await page.isVisible('form')).toBe(true);
  });

  test('opening the link proves no address; the button does', async () => {
    const letter = await verification();
    const page = await open(linkIn(letter));
    await page.click('button');
    await page.getByText('Your mail address is confirmed.').waitFor();
    expect((await post('/auth/email/verify', { token: codeIn(letter) })).body.code).toBe(
      'auth.mail_token_invalid',
    );
  });
});
