export { readEnvironment } from './environment.ts';
export { exampleFile } from './example.ts';
export type { Setting } from './kinds.ts';
export { findNearest } from './nearest.ts';
export type { Network } from './networks.ts';
export type { OAuthClient, OAuthSettings } from './oauth-settings.ts';
export { type Environment, readSetting, SettingsError } from './read.ts';
export { type DatabaseSettings, parseSettings, type Settings } from './settings.ts';
export { settingsTable } from './table.ts';
