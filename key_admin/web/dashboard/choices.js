// @ts-check
/** The policies and API definitions that forms offer. */

import { api } from "../shared/api.js";
import { useLoad } from "../shared/load.js";

export function useChoices() {
  const load = useLoad(async (signal) => {
    const [policies, apis] = await Promise.all(["policies", "apis"].map((path) => api.get(path, { query: { limit: 200 }, signal })));
    return { policies: policies.body.items, apis: apis.body.items };
  }, []);
  return {
    isLoading: load.isLoading,
    policies: /** @type {any[]} */ (load.data?.policies ?? []),
    apis: /** @type {any[]} */ (load.data?.apis ?? []),
    apiIds: /** @type {string[]} */ ((load.data?.apis ?? []).map((/** @type {any} */ item) => item.api_id)),
  };
}
