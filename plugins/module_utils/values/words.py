# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of generated names: short, plain, only a to z. There are 128 of each kind, so a word has 7 bits."""

from __future__ import annotations

_ADJECTIVES = """
    able agile airy amber ample azure basic bold brave brief bright brisk broad bronze busy calm
    candid careful clean clear clever coastal cool copper coral cosy crisp curious daily dapper deep distant
    dusty eager early eastern easy elder equal even exact fair famous fast fine firm fluent fond
    frank fresh frosty full gentle giant glad golden good grand grateful green handy happy hardy hasty
    honest humble icy ideal jolly keen kind large late lawful level light lively local lofty loyal
    lucky lunar magic major mellow merry mighty mild misty modest mossy native neat new nimble noble
    northern novel open patient plain polite proud prompt quick quiet rapid rare ready regal robust round
    royal rural rustic sandy serene sharp silent silver simple sleek smooth solar solid sonic steady sunny
"""

_NOUNS = """
    acorn anchor anvil apple arch arrow aspen atlas badger banjo basin bay beacon beaver birch bison
    bridge brook cabin canal candle canoe canyon cedar chapel cherry cliff clover cloud comet compass cove
    crane creek cricket crystal dawn delta desert dolphin dove dune eagle echo elm ember falcon fern
    field finch fjord flame flute forest fox garden gate geyser glacier glade grove gull harbor harvest
    hawk hazel heron hill island ivory jasmine kettle kite lagoon lake lantern lark lemon lily linen
    lotus lynx maple marble meadow mesa meteor mill mirror moon moss oak oasis ocean olive orbit
    orchard otter owl palm panda pebble pepper pine planet plum pond poppy prairie quartz raven reef
    ridge river robin saddle salmon shore sparrow spruce star stone stream summit thistle tulip valley willow
"""

ADJECTIVES = tuple(_ADJECTIVES.split())
NOUNS = tuple(_NOUNS.split())
