/** Where vaults lie. The control database says so; while a vault is on its way it answers nobody. */
import { asSystem, type Ctx, type TxCtx } from '../../../context.ts';
import { createHintedCache, type Fanout } from '../../../platform/fanout/index.ts';
import { type VaultHome, vaultOnItsWay } from '../../../platform/vaults/index.ts';
import { findPlace, type Place } from './home-store.ts';

export interface Homes {
  /** Throws `vault.moving` for one that is on its way. */
  homeOf(name: string): Promise<VaultHome>;
  /** Makes every node ask anew, from the commit on. */
  forget(tx: TxCtx, name: string): Promise<void>;
}

const rememberedMax = 50_000;

export function createHomes(parts: { readonly fanout: Fanout; readonly createCtx: () => Ctx }): Homes {
  const places = createHintedCache<Place>({
    fanout: parts.fanout,
    topic: 'vault-home',
    sizeMax: rememberedMax,
  });
  return {
    async homeOf(name) {
      const place = await places.get(name, () => asSystem(parts.createCtx(), (tx) => findPlace(tx, name)));
      // Nobody's vault: what is asked of it is to go, or to say that it is not there.
      if (place === undefined) return 'local';
      if (place.movingTo !== null) throw vaultOnItsWay();
      return place.home;
    },
    forget: (tx, name) => places.forget(tx, [name]),
  };
}
