"""Words that are said often and make no topic: verbs of saying and doing, fillers, praise, quantities, times."""

from __future__ import annotations

from typing import Final

NOT_TOPICS: Final = frozenset(
    """
    able absolutely actual add added agree ago ahead allow almost alone along already alright although always amazing
    another anybody anymore anyone anything anyway apart appreciate around ask asked asking aspect awesome away awhile
    back bad basic beautiful became become been began begin believe benefit best bet better beyond big bit blast both
    bring bringing brought bunch bye call called calling came care careful case cause certain certainly chance change
    changed changing chat check checking cheer choose choosing clear close cofounder come comes coming common complete
    completely congrat congratulation consider considering continue conversation cool could couple crazy create created
    creating cute daily dear decide decided definitely definite depend detail did different difficult does done due
    early easily easy effort either else end ended ending enjoy enjoyed enjoying enough ensure especially even ever
    every everybody everyone everything everywhere exact exactly example excellent excited exciting expect explore
    fact fairly fall fantastic far fast favorite feel feeling fell felt few figure final finally find finding fine first
    focus follow following forever forget forward found four free fresh friend full fully fun further future gave
    general get getting give given giving glad glimpse goal goes going gonna good goodbye gosh got gotten great greatly
    guess guy had half happen happened happening happy hard hardly hear heard hello help helped helpful helping here
    hey high highly hold hope hoping hour how however huge idea imagine important incredible indeed info information
    inside inspire inspired inspiring instead interested interesting issue item join just keep keeping kept kind knew
    know knowing known large last late lately later learn learned learning least leave leaving led left less let letting
    level life like likely liked little live living lol long longer look looked looking lot love loved lovely loving
    low luck lucky made main make making man many matter may maybe mean meant meet meeting mention mentioned might mind
    minute miss moment month more morning most mostly move moving much multiple must name near nearly necessary need
    needed needing never new newest next nice night nobody none nope normal note nothing notice now number off offer
    often okay old once one ones only onto open opportunity option order ought over overall own part particular
    particularly pass past perfect perhaps people person pick piece place plan planned planning please plenty plus point
    possible potential practice present pretty probable probably problem proud provide put quick quickly quite rather
    reach read ready real really reason recent recently recommend regard related remember remind request require rest
    result right said same saw say saying second see seeing seem seemed seen self sense sent set several shall share
    shared sharing short should show showed showing shown side similar simple simply since situation small someone
    something sometime sometimes somewhere soon sorry sort sound special specific spend spent spot start started
    starting stay step still stop story strong stuff such suggest suggestion super sure suppose take taken taking talk
    talked talking tell telling term test thank thanked thanks thanking than that then therefore thing think thinking
    third this those though thought three thrilled through throughout time tip today together told tomorrow tonight too
    took total totally touch toward tried truly try trying turn turned two type understand unique until upcoming update
    upon use used useful user using usual usually various very via view visit visited visiting wait walk want wanted
    wanting was watch way week weekend welcome well went what whatever when whenever where whether which while who
    whole wish without woman wonder wonderful wondering work worked working world worry would wow write wrong yeah year
    yep yes yesterday yet you your yourself image assistant question answer response topic discussion
    monday tuesday wednesday thursday friday saturday sunday january february march april june july august september
    october november december noon evening afternoon midnight century decade
    """.split()
)
