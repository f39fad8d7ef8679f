/** Runs once before each project's tests: makes the template that their servers are copied from. */
import type { TestProject } from 'vitest/node';
import { createTemplate, removeTemplate, templateVariable } from './template.ts';

export default async function setup(project: TestProject) {
  const template = await createTemplate(project.config.env?.TEST_DATABASE_URL || undefined);
  // By way of the project's own environment: two projects run at once, each on a database of its own kind.
  project.config.env = { ...project.config.env, [templateVariable]: JSON.stringify(template) };
  return () => removeTemplate(template);
}
