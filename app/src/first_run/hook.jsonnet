// What other programs are told when somebody signs up or signs in. `ctx` has the flow, the request, and the identity;
// see docs/guides/web-hooks.md. An `error 'cancel'` sends nothing.
function(ctx) {
  flow: ctx.flow.id,
  identity: {
    id: ctx.identity.id,
    traits: ctx.identity.traits,
  },
}
